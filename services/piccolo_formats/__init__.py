"""Every byte format of Piccolo: what is derived from the 24 words, sealed, signed, kept or logged.

The contract is docs/storage-format.md; each module names its section. Rules of the package:

* bytes and values in, bytes and values out: no file, no socket, no clock; random bytes are handed in;
* whatever comes from outside is parsed into a frozen value or refused with a FormatError, in words;
* nothing unauthenticated leaves a function that was asked to open or to verify;
* it imports no service.
"""
