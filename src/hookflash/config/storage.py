"""The settings of storage outside this machine."""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.config import kinds
from hookflash.config.setting import required, setting

_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """A container of Azure Blob Storage or a bucket of S3-compatible storage for which this server has a
    credential. `recording.storage` and the apps of `resources` may use it."""

    url: str = required(kinds.url("s3", "https", "http"))
    """What the credential is good for: `https://<account>.blob.core.windows.net/<container>` or
    `s3://<bucket>`, both with a folder behind it if need be."""
    credential: str = setting(kinds.choice("identity", "key", "sas"), "identity")
    """`identity` is what the environment gives: a managed or workload identity, an instance role, or the
    variables that the vendors' tools use (`AZURE_CLIENT_ID` and so on, `AWS_ACCESS_KEY_ID` and so on). `key`
    is an Azure account key or an S3 secret access key, `sas` an Azure shared access signature."""
    key_env: str | None = setting(kinds.pattern("the name of a variable", _VARIABLE), None)
    """Name of the environment variable that holds the key or the signature; they have no place in a file. The
    default is `AZURE_STORAGE_KEY`, `AZURE_STORAGE_SAS_TOKEN` or `AWS_SECRET_ACCESS_KEY`."""
    key_id_env: str | None = setting(kinds.pattern("the name of a variable", _VARIABLE), None)
    """Name of the environment variable that holds the access key id of an S3 key; the default is
    `AWS_ACCESS_KEY_ID`."""
    endpoint: str | None = setting(kinds.url("https", "http"), None)
    """Base URL of an S3-compatible service other than Amazon's."""
    region: str | None = setting(kinds.pattern("a region such as eu-central-1", r"[A-Za-z0-9-]{1,64}"), None)
    """Region of an S3 bucket; `us-east-1` when neither this nor the environment names one."""
    resources: tuple[str, ...] = setting(kinds.listing(kinds.text("the name of a resource")), ())
    """Names of the resources whose apps may name it as `externalStorage` of a recording, without a signature
    of their own. None when not given."""

    @property
    def s3(self) -> bool:
        """Whether it is a bucket."""
        return self.url.startswith("s3://")
