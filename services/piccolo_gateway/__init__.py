"""The door for people and programs: sessions, REST, WebDAV and the web UI."""
