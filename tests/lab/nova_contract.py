"""What a Nova does, as far as the daemon meets it. The lab passes this, and Nova 34.

To run it on a real one, write a test module with a subclass of `NovaContract` and a fixture
`target` that returns a NovaTarget (`tests/lab/nova_target.py`): an endpoint, tokens, two hosts, and
ways to end and start nova-compute and to boot and delete servers.

    class TestRealNova(NovaContract):
        @pytest.fixture
        def target(self, estate: Estate) -> NovaTarget: ...

The tests change the service rows of the two hosts, kill their nova-compute, boot a few servers and
evacuate them, for which there must be a third host; each puts back what it changed, so one Nova
serves them all, one after another. With a `service_down_time` of 8 s and an `rpc_response_timeout`
of 20 s they take about five minutes; those of `LongNovaContract`, in which hosts die and return,
take five more.
"""

from tests.lab.nova_api import NovaApi
from tests.lab.nova_boots import NovaBoots
from tests.lab.nova_deletions import NovaDeletions
from tests.lab.nova_dialects import NovaDialects
from tests.lab.nova_evacuations import NovaDestinations, NovaEvacuations
from tests.lab.nova_groups import NovaGroupMoves, NovaGroups
from tests.lab.nova_host_status import NovaHostStatus
from tests.lab.nova_migrations import NovaMigrations
from tests.lab.nova_returns import NovaReturns, NovaStarts
from tests.lab.nova_servers import NovaServers
from tests.lab.nova_services import NovaServices


class NovaContract(
    NovaApi,
    NovaServices,
    NovaDialects,
    NovaServers,
    NovaGroups,
    NovaEvacuations,
    NovaMigrations,
    NovaReturns,
    NovaBoots,
):
    """All of it."""


class LongNovaContract(
    NovaDestinations,
    NovaStarts,
    NovaGroupMoves,
    NovaDeletions,
    NovaHostStatus,
):
    """What takes minutes: hosts die and come back in it."""
