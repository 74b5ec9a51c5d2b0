"""What travels in the API's JSON. Ids are hex, sealed secrets base64, times seconds since 1970."""
