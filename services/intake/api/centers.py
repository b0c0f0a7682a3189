"""The centers: reference data."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from services.intake.schemas.reading import CenterOut, CentersArgs
from shared import reference
from shared.http import Blueprint, decode_cursor, first, page, page_of, roles

blueprint = Blueprint("centers", __name__, url_prefix="/intake/v1")

EVERYBODY = ("worker", "supervisor", "regional", "national", "partner", "registry", "auditor", "service")


@blueprint.route("/centers")
class Centers(MethodView):
    @roles(*EVERYBODY)
    @blueprint.arguments(CentersArgs, location="query")
    @blueprint.response(200, page_of(CenterOut))
    def get(self, args: dict[str, Any]) -> Any:
        """The Family Support Centers"""
        position = decode_cursor(args["cursor"], (str,))
        region = args["kato"][:2] if "kato" in args else None
        rows = [
            center
            for center in sorted(reference.centers(), key=lambda center: center.id)
            if region in (None, center.region) and (position is None or center.id > position[0])
        ]
        shown, last = first(rows[: args["limit"] + 1], args["limit"])
        return page(shown, last and (last.id,))
