"""The Python client `aepp` against the emulator: a client that nobody here wrote gets through.

Run with ``--slow`` where aepp is installed (``pip install aepp``).  The client is set to the emulator's address, token
service included; what it does is its own.
"""

from __future__ import annotations

import pytest
from network_kit import CRM, new_dataset, quick, record

from xdmprep.emulator import Emulator

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def aepp(monkeypatch):
    return pytest.importorskip("aepp", reason="needs aepp")


def test_aepp_ingests_a_batch(aepp, schemas):
    from aepp import catalog, dataaccess, ingestion

    with Emulator(schemas=schemas, token="issued tokens only") as server:
        aepp.configure(
            org_id="O@AdobeOrg", client_id="ID", secret="SECRET", scopes="openid", sandbox="prod", environment="prod"
        )
        aepp.config.endpoints["global"] = server.url
        aepp.config.config_object["oauthTokenEndpointV2"] = server.url + "/ims/token/v2"
        own = quick(server.url, token="issued tokens only")
        data, lists = ingestion.DataIngestion(), catalog.Catalog()
        (reference,) = lists.createDataSet(name="aepp", schemaId=CRM)
        dataset = reference.rsplit("/", 1)[-1]
        batch = data.createBatch(datasetId=dataset, format="json", multiline=True, enableDiagnostic=True)["id"]
        records = [record(number) for number in range(3)]
        data.uploadSmallFile(batchId=batch, datasetId=dataset, filePath="a.json", data=records)
        data.uploadSmallFileFinish(batchId=batch)
        found = own.wait(batch, timeout=20)
        assert found.ok and found.output_records == 3
        assert lists.getBatch(batch)[batch]["status"] == "active"
        assert batch in lists.getBatches(batchId=batch)
        (item,) = dataaccess.DataAccess().getBatchFiles(batch, output="raw")
        assert item["records"] == "3"
        data.deleteBatch(batch)
        assert own.status(batch).status == "inactive"


def test_aepp_is_told_what_is_wrong(aepp, schemas):
    from aepp import ingestion

    with Emulator(schemas=schemas) as server:
        aepp.configure(
            org_id="O@AdobeOrg", client_id="ID", secret="SECRET", scopes="openid", sandbox="prod", environment="prod"
        )
        aepp.config.endpoints["global"] = server.url
        aepp.config.config_object["oauthTokenEndpointV2"] = server.url + "/ims/token/v2"
        data = ingestion.DataIngestion()
        dataset = new_dataset(server.url)
        answer = data.createBatch(datasetId="none", format="json")
        assert answer["status"] == 404
        batch = data.createBatch(datasetId=dataset, format="json")["id"]  # single-line JSON is declared
        data.uploadSmallFile(batchId=batch, datasetId=dataset, filePath="a.json", data=[record(1)])  # an array is sent
        data.uploadSmallFileFinish(batchId=batch)
        found = quick(server.url).wait(batch, timeout=20)
        assert found.status == "failed"
