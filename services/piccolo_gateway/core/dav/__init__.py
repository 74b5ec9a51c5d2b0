"""The rules of WebDAV (RFC 4918), without a wire."""
