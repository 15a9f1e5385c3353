"""The client for notebooks and programs: one object that can do what the commands do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import wire
from ..core.arguments import CALLABLE, FILLED, PATH, TEXT, WORD, instance, nullable, takes
from ..core.manifest import File, Manifest
from ..core.remote import shown
from ..core.remote_folder import output_here
from ..errors import PlatformError, UsageError, counted, option
from . import polling, readiness, registry, row_errors, upsert_enablement
from .checks import check_counts, check_files
from .config import Config
from .files import CHUNK
from .session import Session, check_json
from .upload import UploadOptions, upload


@dataclass(frozen=True, slots=True)
class Series:
    """What became of several batches.

    Attributes:
        batches: those that were sent, in order; the last of them is the one that failed, if one did.
        of: how many there are to send.
        reason: why not all were sent; None if they were.
    """

    batches: tuple[wire.Batch, ...]
    of: int
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a batch ended without being ingested, so that those behind it were not sent."""
        return self.reason is not None

    def to_dict(self) -> dict[str, Any]:
        """The series for ``--json``."""
        return {"batches": [batch.to_dict() for batch in self.batches], "of": self.of, "reason": self.reason}

    def __str__(self) -> str:
        good = [batch for batch in self.batches if batch.ok]
        records = counted(sum(batch.output_records or 0 for batch in good), "record")
        text = f"{len(self.batches)} of {self.of} batches sent in order, {len(good)} ingested ({records})"
        return text if self.reason is None else f"{text}; {self.reason}"


class Client:
    """A connection with the platform or an emulator.

    Args:
        url: base address; the platform's own unless given.
        token: a bearer token that is ready.
        sandbox: name of the sandbox.
        tell: called with a line of text on what happens (pauses, resumed uploads); None says nothing.
        config: all settings at once; the arguments before are then ignored.
        settings: further settings, see :class:`xdmprep.client.config.Config`.

    Raises:
        UsageError: a setting is wrong, credentials are missing, or an argument is of another type.

    Examples:
        >>> with Client(url=server.url) as client:
        ...     print(client.config.sandbox)
        prod
    """

    @takes(url=nullable(WORD), token=nullable(TEXT), sandbox=nullable(WORD), tell=nullable(CALLABLE),
           config=nullable(instance(Config)))  # fmt: skip
    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        sandbox: str | None = None,
        *,
        tell: Callable[[str], None] | None = None,
        config: Config | None = None,
        **settings: Any,
    ) -> None:
        self.config = config or Config.load(url=url, token=token, sandbox=sandbox, **settings)
        self.tell = tell or (lambda text: None)
        self.session = Session(self.config, lambda what, seconds: self.tell(f"{what}; next try in {seconds:.1f} s"))

    @classmethod
    @takes(path=nullable(PATH), tell=nullable(CALLABLE))
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        sandbox: str | None = None,
        url: str | None = None,
        *,
        tell: Callable[[str], None] | None = None,
        **settings: Any,
    ) -> Client:
        """A client configured by a file, ``XDMPREP_*`` variables and arguments; the later win over the earlier.

        Args:
            path: aepp's file, the Developer Console's file, or one of ours; None reads the variables alone.
            sandbox: name of the sandbox.
            url: base address of the platform.
            tell: called with a line of text on what happens; None says nothing.
            settings: further settings, see :class:`xdmprep.client.config.Config`.

        Returns:
            The client; nothing is sent yet.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> from pathlib import Path
            >>> config = '{"client_id": "id", "client_secret": "s", "org_id": "A@AdobeOrg", "scopes": "openid"}'
            >>> size = Path("config.json").write_text(config)
            >>> Client.from_config("config.json", sandbox="dev")
            Client('https://platform.adobe.io', sandbox='dev')
        """
        return cls(config=Config.load(path, sandbox=sandbox, url=url, **settings), tell=tell)

    def __repr__(self) -> str:
        return f"Client({self.config.url!r}, sandbox={self.config.sandbox!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections.

        Examples:
            >>> other = Client(url=server.url)
            >>> other.close()
        """
        self.session.close()

    # ---- batches ----------------------------------------------------------------------------------------------------

    def upload(
        self,
        manifest: str | os.PathLike[str],
        dataset_id: str,
        *,
        jobs: int = 4,
        replay: Sequence[str] = (),
        replay_prefix: str = "",
        percent: float | None = None,
        diagnostics: bool = True,
        again: bool = False,
        force: bool = False,
        chunk: int = CHUNK,
        on_bytes: Callable[[int], None] | None = None,
        on_file: Callable[[File], None] | None = None,
    ) -> wire.Batch:
        """Send prepared files as one batch, or go on where an earlier upload of them stopped.

        Args:
            manifest: ``manifest.json``, or the folder that holds it; a URL of an object store is copied here first.
            dataset_id: the dataset.
            jobs: files sent at the same time.
            replay: ids of batches that this one replaces.
            replay_prefix: ``"$"`` writes those ids as the OpenAPI description says.
            percent: percentage of bad rows that the batch may have; the manifest's threshold unless given.
            diagnostics: keep the errors of single rows.
            again: send as a new batch where the last one of these files failed or was aborted.
            force: send a patch also to a dataset that is not enabled for upsert. Each record then replaces the whole
                fragment that the dataset holds of its profile: attributes that the patch leaves out are lost.
            chunk: bytes per request of a large file.
            on_bytes: called with the number of bytes sent.
            on_file: called with the manifest's entry of each file when the platform has taken it, by several threads.

        Returns:
            The batch after COMPLETE was accepted, which does not mean that it is ingested: see `wait`.

        Raises:
            SourceError, UsageError: the files or options are wrong; nothing was sent.
            PlatformError: the platform refused or could not be reached; the same call goes on later.

        Examples:
            >>> batch = client.wait(client.upload("out/", dataset).id)
            >>> batch.status, batch.metrics["outputRecordCount"]
            ('active', 241)
        """
        options = UploadOptions(
            jobs=jobs, replay=tuple(wire.bare_id(batch) for batch in replay), replay_prefix=replay_prefix,
            percent=percent, diagnostics=diagnostics, again=again, force=force, chunk=chunk,
            on_file=on_file or (lambda file: None),
        )  # fmt: skip
        with output_here(manifest) as here:
            return upload(self.session, here, dataset_id, options, self.tell, on_bytes or (lambda count: None))

    def upload_series(
        self,
        folder: str | os.PathLike[str],
        dataset_id: str,
        *,
        timeout: float | None = None,
        poll: float | None = None,
        on_status: Callable[[wire.Batch], None] = lambda batch: None,
        **options: Any,
    ) -> Series:
        """Send a folder that holds several batches in order, each when the one before has been ingested.

        The platform does not say in which order it takes in batches that wait side by side, and a later upsert must not
        be overtaken by an earlier one.

        Args:
            folder: what `diff` or `prepare --upsert` wrote; one with a single batch is fine too.
            dataset_id: the dataset.
            timeout: seconds to wait between two batches, see :meth:`wait`.
            poll: longest pause between two questions, in seconds.
            on_status: called with each new status.
            options: those of :meth:`upload`, but for `replay`.

        Returns:
            The batches; the last one after COMPLETE was accepted, as :meth:`upload` gives it. A batch that fails ends
            the series, and the same call with ``again=True`` goes on with it.

        Raises:
            SourceError, UsageError: the files of some batch are wrong; nothing was sent.
            PlatformError: the platform refused or could not be reached; the same call goes on later.

        Examples:
            >>> series = client.upload_series("out/", client.create_dataset("series", schema.id))
            >>> len(series.batches)
            1
        """
        with output_here(folder) as here:
            manifests = Manifest.load_all(here)
            if len(manifests) > 1 and options.get("replay"):
                raise UsageError(
                    f"{shown(folder)}: holds {len(manifests)} batches of a patch; they cannot replace others."
                )
            for manifest in manifests:
                check_files(manifest, options.get("jobs", 4))
            sent: list[wire.Batch] = []
            for number, manifest in enumerate(manifests, 1):
                self.tell(f"batch {number} of {len(manifests)}: {manifest.folder}")
                try:
                    batch = self.upload(manifest.folder or here, dataset_id, **options)
                    if number < len(manifests):
                        batch = self.wait(batch, timeout, poll, on_status, manifest.folder or here)
                except PlatformError as error:
                    raise error.within(f"batch {number} of {len(manifests)} ({manifest.folder})") from error
                sent.append(batch)
                if number < len(manifests) and not batch.ok:
                    reason = (
                        f"batch {number} ({manifest.folder}) is {batch.status} ({batch.explanation}), so the "
                        f"{len(manifests) - number} behind it were not sent. Mend the reason; the same with "
                        f"{option('again', True)} goes on with this batch"
                    )
                    return Series(tuple(sent), len(manifests), reason)
            return Series(tuple(sent), len(manifests))

    def wait(
        self,
        batch_id: str | wire.Batch,
        timeout: float | None = None,
        poll: float | None = None,
        on_status: Callable[[wire.Batch], None] = lambda batch: None,
        manifest: str | os.PathLike[str] | None = None,
        completed: bool = False,
    ) -> wire.Batch:
        """Wait for a batch's end; see :func:`xdmprep.client.polling.wait`.

        Args:
            batch_id: the batch.
            timeout: seconds to wait; None waits without limit.
            poll: longest pause between two questions, in seconds.
            on_status: called with each new status.
            manifest: of the files that were sent as this batch, or their folder; the platform's counts are compared
                with it.
            completed: COMPLETE was accepted, so that a batch that stays ``loading`` is an error; implied by `manifest`.

        Returns:
            The batch as it ended, whether well or not.

        Raises:
            PlatformError: the time is over, or the counts differ, or the platform refused or could not be reached.

        Examples:
            >>> client.wait(client.upload("out/", dataset), timeout=60).status
            'active'
        """
        loaded = None if manifest is None else Manifest.load(manifest)
        batch = polling.wait(self.session, _id(batch_id), timeout, poll, on_status, completed or loaded is not None)
        if loaded is not None:
            check_counts(loaded, batch)
        return batch

    def status(self, batch_id: str | wire.Batch) -> wire.Batch:
        """A batch as Catalog describes it.

        Args:
            batch_id: a batch or its id.

        Returns:
            The batch.

        Raises:
            PlatformError: there is no such batch, or the platform refused or could not be reached.

        Examples:
            >>> client.status(client.upload("out/", dataset).id).dataset_id == dataset
            True
        """
        return polling.status(self.session, _id(batch_id))

    def batches(self, **filters: Any) -> list[wire.Batch]:
        """Batches by Catalog's filters, such as ``dataSet=...``, ``status=...``, ``limit=...``.

        Args:
            filters: Catalog's filters.

        Returns:
            The batches, in the order that Catalog gives.

        Raises:
            PlatformError: the platform refused or could not be reached.

        Examples:
            >>> len(client.batches(dataSet=client.create_dataset("new", schema.id)))
            0
        """
        return polling.batches(self.session, **filters)

    def abort(self, batch_id: str | wire.Batch) -> wire.Batch:
        """Cancel a batch that has not ended.

        Args:
            batch_id: a batch or its id.

        Returns:
            The batch afterwards.

        Raises:
            PlatformError: it has ended, or the platform refused or could not be reached.

        Examples:
            >>> with Emulator(schemas="schemas/", delay=60) as slow, Client(url=slow.url) as other:
            ...     batch = other.upload("out/", other.create_dataset("aborted", schema.id))
            ...     print(other.abort(batch).status)
            aborted
        """
        polling.act(self.session, _id(batch_id), "ABORT")
        return self.status(batch_id)

    def revert(self, batch_id: str | wire.Batch) -> wire.Batch:
        """Delete an ingested batch; it becomes ``inactive``.

        Args:
            batch_id: a batch or its id.

        Returns:
            The batch afterwards.

        Raises:
            PlatformError: it is not ingested, or the platform refused or could not be reached.

        Examples:
            >>> batch = client.wait(client.upload("out/", client.create_dataset("reverted", schema.id)))
            >>> client.revert(batch).status
            'inactive'
        """
        polling.act(self.session, _id(batch_id), "REVERT")
        return self.status(batch_id)

    def errors(
        self, batch_id: str | wire.Batch, manifest: str | os.PathLike[str] | None = None
    ) -> Iterator[row_errors.RowError]:
        """The errors of single rows; with the manifest each with the source row that it comes from.

        Args:
            batch_id: a batch or its id.
            manifest: of the files that were sent as this batch, or their folder.

        Returns:
            The errors one by one, as they are downloaded.

        Raises:
            PlatformError: the platform refused or could not be reached.

        Examples:
            >>> batch = client.wait(client.upload("out/", dataset))
            >>> list(client.errors(batch, "out/"))
            []
        """
        return row_errors.row_errors(self.session, _id(batch_id), None if manifest is None else Path(manifest))

    # ---- datasets and profiles --------------------------------------------------------------------------------------

    def dataset(self, dataset_id: str) -> dict[str, Any]:
        """A dataset as Catalog describes it.

        Args:
            dataset_id: the dataset.

        Returns:
            Catalog's JSON.

        Raises:
            PlatformError: there is no such dataset, or the platform refused or could not be reached.

        Examples:
            >>> client.dataset(dataset)["name"]
            'CRM profiles'
        """
        return polling.dataset(self.session, dataset_id)

    @takes(name=FILLED, schema_id=FILLED)
    def create_dataset(self, name: str, schema_id: str, *, profile: bool = False, upsert: bool = False,
                       format: str | None = None) -> str:  # fmt: skip
        """Create a dataset and return its id.  A creation whose answer is lost is not repeated.

        Args:
            name: its name.
            schema_id: ``$id`` of its schema.
            profile: enable it for Profile.
            upsert: enable it for Profile with upsert.
            format: ``csv`` for a dataset with an ad-hoc schema.

        Returns:
            The dataset's id.

        Raises:
            PlatformError: the platform refused or could not be reached.

        Examples:
            >>> client.dataset(client.create_dataset("CRM profiles", schema.id, profile=True))["name"]
            'CRM profiles'
        """
        body = wire.create_dataset(name, schema_id, profile=profile, upsert=upsert, format=format)
        what = "create dataset"
        answer = self.session.call(
            "POST", wire.CATALOG + "/dataSets", safe=False, json_body=body, what=what, expect=(200, 201)
        )
        data = check_json(answer, what)
        if not isinstance(data, list) or not data or not isinstance(data[0], str) or not data[0].strip("/@"):
            raise PlatformError(
                f"{what}: the answer names no dataset.",
                hint="It may have been created all the same: look before you create it again.", code="odd-answer",
            )  # fmt: skip
        return data[0].rsplit("/", 1)[-1]

    def check_dataset(
        self, dataset_id: str, manifest: str | os.PathLike[str] | None = None, *, jobs: int = 2
    ) -> readiness.Readiness:
        """What would go wrong if prepared files were sent to a dataset; nothing is sent.

        Looks at the files, the dataset's schema, format and tags, and at the schema in the registry.

        Args:
            dataset_id: the dataset.
            manifest: ``manifest.json`` or its folder, also one of several batches; None looks at the dataset alone.
            jobs: files that are checked at the same time.

        Returns:
            What the dataset is ready for, with findings.

        Raises:
            SourceError, UsageError: the files themselves are wrong.
            PlatformError: the dataset does not exist, or the platform cannot be reached.

        Examples:
            >>> [finding.code for finding in client.check_dataset(dataset, "out/").findings]
            []
        """
        manifests = [] if manifest is None else Manifest.load_all(manifest)
        return readiness.check(self.session, dataset_id, manifests, jobs)

    def plan_upsert(self, dataset_id: str) -> upsert_enablement.EnablementPlan:
        """The steps to enable a dataset for patches; nothing is changed.

        Args:
            dataset_id: the dataset.

        Returns:
            The plan.

        Raises:
            PlatformError: there is no such dataset, or the platform refused or could not be reached.

        Examples:
            >>> client.plan_upsert(dataset).interrupts
            True
        """
        return upsert_enablement.plan(self.session, dataset_id)

    def enable_upsert(
        self, dataset_id: str, plan: upsert_enablement.EnablementPlan | None = None
    ) -> upsert_enablement.EnablementPlan:
        """Enable a dataset for patches, and return the plan that was carried out.

        One that is enabled for Profile already is disabled and enabled again; what is ingested meanwhile never reaches
        Profile, so that nothing is done while batches are on their way.

        Args:
            dataset_id: the dataset.
            plan: what :meth:`plan_upsert` gave; None makes it now.

        Returns:
            The plan.

        Raises:
            PlatformError: batches are on their way, or the platform refused or could not be reached.

        Examples:
            >>> len(client.enable_upsert(client.create_dataset("patched", schema.id)).patches)
            1
        """
        made = plan or self.plan_upsert(dataset_id)
        upsert_enablement.carry_out(self.session, made, self.tell)
        return made

    @takes(title=FILLED)
    def create_adhoc_schema(
        self, title: str, columns: Mapping[str, Any], required: Sequence[str] = (), description: str = ""
    ) -> str:
        """Create the class and the schema of a dataset for CSV files, and return the schema's ``$id``.

        A creation whose answer is lost is not repeated.  Source: *Create an ad-hoc schema* (Schema Registry API).

        Args:
            title: of both; the registry wants titles to be unique.
            columns: name of each column -> its JSON Schema.
            required: names of the columns that every row needs.
            description: of both; the title unless given.

        Returns:
            The schema's ``$id``.

        Raises:
            PlatformError: the platform refused or could not be reached.

        Examples:
            >>> day = {"day": {"type": "string"}}
            >>> client.create_adhoc_schema("Visits", day, required=["day"]).startswith("https://ns.adobe.com/")
            True
        """
        text = description or title
        needed = {"required": list(required)} if required else {}
        fields = {"_adhoc": {"type": "object", "properties": dict(columns), **needed}}  # the registry names it anew
        made, parts = "", [{"$ref": wire.ADHOC}, {"properties": fields}]
        for kind, name in (("classes", f"{title} class"), ("schemas", title)):
            body = {"title": name, "description": text, "type": "object", "allOf": parts}
            made = registry.create(self.session, kind, body)
            parts = [{"$ref": made}]
        return made

    def profile(self, namespace: str, identity: str) -> dict[str, Any] | None:
        """The merged profile that holds an identity (its ``entity``), or None.

        Source: Real-Time Customer Profile API, *Entities endpoint*.

        Args:
            namespace: the identity's namespace, such as ``CRMID``.
            identity: its id.

        Returns:
            The profile as the platform gives it, or None.

        Raises:
            PlatformError: the platform refused or could not be reached.

        Examples:
            >>> client.profile("CRMID", "nobody") is None
            True
        """
        params = {"schema.name": "_xdm.context.profile", "entityId": identity, "entityIdNS": namespace}
        answer = self.session.call("GET", wire.PROFILE, params=params, what="profile", expect=(200, 404))
        data = check_json(answer, "profile") if answer.status_code == 200 else None
        first = next(iter(data.values()), None) if isinstance(data, dict) else None
        return dict(first["entity"]) if isinstance(first, dict) and isinstance(first.get("entity"), dict) else None


def _id(batch: str | wire.Batch) -> str:
    return batch.id if isinstance(batch, wire.Batch) else batch
