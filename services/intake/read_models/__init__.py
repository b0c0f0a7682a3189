"""What intake keeps from the events of all services, its own included: each takes a batch in, and is read by its queries.

Taking anything in again changes nothing, however late: see each module.
"""

from services.intake.read_models.known_referrals import KnownReferrals
from services.intake.read_models.timeline import Timeline
from services.intake.read_models.worklist import Worklist

__all__ = ["KnownReferrals", "Timeline", "Worklist"]
