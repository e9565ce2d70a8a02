"""The API: brings files in, reads the unified dataset out. One function behind API Gateway, an authorizer beside it."""
