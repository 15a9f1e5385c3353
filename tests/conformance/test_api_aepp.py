"""The Python client `aepp` against the emulator: a client that nobody here wrote gets through.

Run with ``--slow`` where aepp is installed (``pip install aepp``).  The client is set to the emulator's address, token
service included; what it does is its own.
"""

from __future__ import annotations

import pytest
from network_kit import CRM, lines, new_dataset, quick, record

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


#: What aepp can ask for and the emulator does not play, as `docs/emulator.md` lists it: it is told so, by 404 or 405.
NOT_PLAYED = {
    "getDataSetExpiration", "getDataSetViews", "getDataSetView", "getDataSetViewFiles", "getResources",
    "Catalog.createBatch", "getSchemaSample", "getUnion", "getAuditLogs", "exportResource", "importResource",
}  # fmt: skip


def refusal(answer):
    """Why an answer is a refusal; None if it is not one."""
    if isinstance(answer, dict) and (
        str(answer.get("type", "")).startswith(("urn:", "http://ns.adobe.com/aep/errors"))
    ):
        return answer["detail"]
    return answer["error"] if isinstance(answer, dict) and set(answer) == {"error"} else None


def test_aepp_gets_through_all_that_it_does(aepp, schemas, capsys):
    """Every method of its modules for batches, datasets, data access and schemas that the emulator is asked for."""
    from aepp import catalog, dataaccess, ingestion, schema

    with Emulator(schemas=schemas) as server:
        aepp.configure(
            org_id="O@AdobeOrg", client_id="ID", secret="SECRET", scopes="openid", sandbox="prod", environment="prod"
        )
        aepp.config.endpoints["global"] = server.url
        aepp.config.config_object["oauthTokenEndpointV2"] = server.url + "/ims/token/v2"
        data, lists = ingestion.DataIngestion(), catalog.Catalog()
        access, registry = dataaccess.DataAccess(), schema.Schema()
        own, refused = quick(server.url), {}

        def ask(name, /, *arguments, of=None, **more):
            holder = of or next(one for one in (data, lists, access, registry) if hasattr(one, name))
            answer = getattr(holder, name)(*arguments, **more)
            if (why := refusal(answer)) is not None:
                refused[name if of is None or of is not lists else f"Catalog.{name}"] = why
            return answer

        (reference,) = ask("createDataSet", name="Walk it", schemaId=CRM)
        dataset = reference.rsplit("/", 1)[-1]
        ask("createDataSet", name="b", schemaId=CRM, profileEnabled=True, identityEnabled=True, upsert=True)
        batch = ask("createBatch", datasetId=dataset, format="json", multiline=True, enableDiagnostic=True,
                    partialIngestionPercentage=5, tags={"a": ["b"]}, of=data)["id"]  # fmt: skip
        ask("uploadSmallFile", batch, dataset, "a.json", [record(number) for number in range(3)])
        assert ask("getPreviewBatchDataset", batch, dataset)["preview"]["columns"]
        ask("uploadSmallFileFinish", batch)
        assert own.wait(batch, timeout=30).output_records == 3

        large = ask("createBatch", datasetId=dataset, of=data)["id"]
        body = lines([record(number) for number in range(3)])
        data.uploadLargeFileStartEnd(large, dataset, "big.json", "INITIALIZE")  # the guide's answer to these is empty
        for first in range(0, len(body), 50):
            piece = body[first : first + 50]
            part = ask(
                "uploadLargeFilePart", large, dataset, "big.json", piece, f"bytes {first}-{first + len(piece) - 1}"
            )
            assert part == {"name": "big.json", "sizeInBytes": len(piece)}
        ask("headFileStatus", large, dataset, "big.json")
        data.uploadLargeFileStartEnd(large, dataset, "big.json", "COMPLETE")
        ask("uploadSmallFileFinish", large)
        assert own.wait(large, timeout=30).output_records == 3

        failed = ask("createBatch", datasetId=dataset, enableDiagnostic=True, of=data)["id"]
        ask("uploadSmallFile", failed, dataset, "a.json", {"person": {"name": 5}})
        ask("uploadSmallFileFinish", failed)
        own.wait(failed, timeout=30)
        for action in ("FAIL", "ABORT"):
            ask("uploadSmallFileFinish", ask("createBatch", datasetId=dataset, of=data)["id"], action=action)

        assert set(ask("getBatches", n_results="inf", limit=2)) >= {batch, large, failed}
        ask("getBatches", status="failed", dataSet=dataset, orderBy="asc:created,updated", properties="status")
        frame = ask("getFailedBatchesDF", n_results=10)
        assert len(frame) == 2 and frame.loc[failed]["sandbox"] and frame.loc[failed]["errorCode"]
        ask("getMapperErrors")
        ask("getLastBatches", dataset, limit=5, orderBy="desc:created", properties="status")
        assert ask("findActiveBatch", batch) == batch and batch in ask("getBatch", batch)
        assert ask("replayBatch", dataset, [batch])["replay"]["predecessors"] == [batch]

        assert dataset in ask("getDataSets")
        infos = ask("getDatasetsInfos").set_index("id")
        assert infos.loc[dataset]["dataBehavior"] == "record" and infos.loc[dataset]["qs_table"] == "walk_it"
        assert lists.data.ids["Walk it"] == dataset and lists.data.table_names["Walk it"] == ["walk_it"]
        ask("getDataSet", dataset)
        ask("getDataSetObservableSchema", dataset)
        ask("getProfileSnapshotDatasets")
        for name in ("enableDatasetIdentity", "enableDatasetProfile", "disableDatasetProfile", "disableDatasetIdentity",
                     "enableDatasetUpsert", "disableDatasetValidationContext"):  # fmt: skip
            assert ask(name, dataset) == [reference]
        assert ask("getDataSet", dataset)[dataset]["tags"]["acp_validationContext"] == ["disabled"]
        ask("patchDataset", dataset, {"description": "new"})
        ask("setDatasetTTL", dataset, "P3M")
        doc = ask("getDataSet", dataset)[dataset]
        assert doc["extensions"]["adobe_lakeHouse"]["rowExpiration"] == {"ttlValue": "P3M"}
        ask("putDataset", dataset, {key: doc[key] for key in ("name", "schemaRef", "tags", "fileDescription")})
        for name, arguments in (("getDataSetExpiration", ()), ("getDataSetViews", ()), ("getDataSetView", ("v",)),
                                ("getDataSetViewFiles", ("v",))):  # fmt: skip
            ask(name, dataset, *arguments)
        ask("getResources")
        ask("createBatch", {"datasetId": dataset}, of=lists)

        (file,) = ask("getBatchFiles", batch, limit=5, start=0)
        (part,) = ask("getFiles", file["dataSetFileId"])["data"]
        assert ask("getFiles", file["dataSetFileId"], path=part["name"]).count(b"\n") == 3
        ask("getHeadFile", file["dataSetFileId"], part["name"])
        assert len(ask("getPreview", dataset)) >= 3
        names = {entry["name"] for entry in ask("getBatchFailed", failed)}
        assert names == {"_SUCCESS", "part-00000.json"}
        ask("getBatchFailed", failed, path="part-00000.json")
        for path in (
            None,
            "row_errors",
            "input_files",
            "row_errors_sample.json",
            "row_errors/conversion_errors_0.json",
        ):
            ask("getBatchMeta", failed, path)

        ask("getStats")
        assert ask("getTenantId") == "acme"
        ask("getBehaviors")
        ask("getBehavior", "https://ns.adobe.com/xdm/data/record")
        profile_class = "https://ns.adobe.com/xdm/context/profile"
        ask("getSchemas")
        ask("getSchemas", classFilter=profile_class, excludeAdhoc=True)
        ask("getSchemasGlobal")
        for options in (
            {},
            {"full": False},
            {"desc": True},
            {"deprecated": True},
            {"schema_type": "xed"},
            {"flat": True},
        ):
            assert ask("getSchema", CRM, **options)["$id"] == CRM
        ask("getSchemaPaths", CRM)
        ask("getSchemaSample", CRM)
        for name in ("getClasses", "getClassesGlobal", "getFieldGroups", "getFieldGroupsGlobal", "getDataTypes",
                     "getDataTypesGlobal", "getDescriptors"):  # fmt: skip
            ask(name)
        ask("getClass", profile_class, full=True, desc=True)
        fields = {"customFields": {"type": "object", "properties": {"_acme": {"type": "object", "properties": {
            "a": {"type": "string"}}}}}}  # fmt: skip
        group = ask("createFieldGroup", {
            "type": "object", "title": "group", "description": "d", "meta:intendedToExtend": [profile_class],
            "definitions": fields, "allOf": [{"$ref": "#/definitions/customFields"}],
        })  # fmt: skip
        ask("getFieldGroup", group["$id"])
        copied = ask("createFieldGroup", registry.copyFieldGroup(group, title="copied"))
        renamed = {"op": "replace", "path": "/title", "value": "b"}
        assert ask("patchFieldGroup", group["$id"], [renamed])["title"] == "b"
        kept = ("type", "title", "description", "meta:intendedToExtend", "definitions", "allOf")
        ask("putFieldGroup", group["$id"], {key: group[key] for key in kept})
        ask("extendFieldGroup", group["$id"], ["https://ns.adobe.com/xdm/context/experienceevent"])
        kind = ask(
            "createDataType",
            {"type": "object", "title": "kind", "description": "d", "properties": {"x": {"type": "string"}}},
        )["$id"]
        ask("getDataType", kind)
        ask("patchDataType", kind, [{"op": "replace", "path": "/title", "value": "kind b"}])
        ask("putDataType", kind, {"title": "kind", "properties": {"x": {"type": "string"}}})
        made = ask("createClass", {"title": "class", "allOf": [{"$ref": "https://ns.adobe.com/xdm/data/record"}]})[
            "$id"
        ]
        ask("patchClass", made, [{"op": "replace", "path": "/title", "value": "class b"}])
        ask("createProfileSchema", name="profile", fieldGroupIds=[group["$id"]], description="d")
        ask("createExperienceEventSchema", name="events", fieldGroupIds=[], description="d")
        built = ask("createSchema", {"title": "built", "allOf": [{"$ref": profile_class}]})["$id"]
        ask("patchSchema", built, [{"op": "replace", "path": "/title", "value": "built b"}])
        ask("putSchema", built, {"title": "built", "allOf": [{"$ref": profile_class}]})
        assert len(ask("addFieldGroupToSchema", built, [group["$id"]])["allOf"]) == 2
        ask("enableSchemaForUPS", built)
        assert ask("getSchema", built)["meta:immutableTags"] == ["union"]
        described = ask("createDescriptor", {
            "@type": "xdm:descriptorIdentity", "xdm:sourceSchema": built, "xdm:sourceVersion": 1,
            "xdm:sourceProperty": "/_acme/a", "xdm:namespace": "Email", "xdm:property": "xdm:code",
            "xdm:isPrimary": False,
        })  # fmt: skip
        ask("getDescriptor", described["@id"])
        assert ask("putDescriptor", described["@id"], described)["@id"] == described["@id"]
        ask("deleteDescriptor", described["@id"])
        assert registry.SchemaManager(built).classId == profile_class
        registry.FieldGroupManager(group["$id"])
        registry.DataTypeManager(kind)
        ask("getUnion", f"{profile_class}__union")
        ask("getAuditLogs", built)
        ask("exportResource", built)
        ask("importResource", {})
        for name, id in (("deleteSchema", built), ("deleteClass", made), ("deleteFieldGroup", copied["$id"]),
                         ("deleteDataType", kind)):  # fmt: skip
            ask(name, id)
        ask("deleteBatch", batch)
        ask("deleteDataSet", dataset)
    assert set(refused) == NOT_PLAYED, refused
