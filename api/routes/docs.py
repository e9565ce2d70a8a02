"""The description of the API for programs and for people; open to everybody, for it holds no data."""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files

from aws_lambda_powertools.event_handler import Response

from api.app import app
from api.documentation import openapi
from api.problems import Problem

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>xtage API</title>
<link rel="stylesheet" href="docs/swagger-ui.min.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.min.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "list"});\n'

SWAGGER_UI = "aws_lambda_powertools.event_handler.openapi.swagger_ui"
ASSETS = {
    "swagger-ui-bundle.min.js": "text/javascript; charset=utf-8",
    "swagger-ui.min.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
# Everything comes from here. Swagger UI sets styles on elements and holds its icons as data.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


@app.get("/v1/openapi.json", include_in_schema=False, enable_validation=False)
def get_openapi() -> Response[str]:
    """The OpenAPI document"""
    return Response(200, "application/json", openapi())


@app.get("/v1/docs", include_in_schema=False, enable_validation=False)
def get_page() -> Response[str]:
    """The page on which the API is read and tried"""
    return Response(200, "text/html; charset=utf-8", PAGE, headers={"Content-Security-Policy": POLICY})


@app.get("/v1/docs/<asset>", include_in_schema=False, enable_validation=False)
def get_asset(asset: str) -> Response[str]:
    """What the page is made of: Swagger UI, as Powertools brings it, and what starts it"""
    if asset not in ASSETS:
        raise Problem(HTTPStatus.NOT_FOUND, "the page has no such part")
    text = START if asset == "start.js" else (files(SWAGGER_UI) / asset).read_text()
    return Response(200, ASSETS[asset], text, headers={"Cache-Control": "public, max-age=86400"})
