"""Networks that come with demzip, frozen for ever (docs/format.md section 11.1)."""

import hashlib
from functools import cache
from importlib import resources

from demzip.entropy.integers import ByteReader
from demzip.errors import DemzipError, UnsupportedError
from demzip.scan.neural.network import Network

SHA256 = {  # of networks/<number>.bin
    1: "20748cd9ef984d1d6a021f66d40fcf3c34a404b92f17f14166daba3172b26366",
}
LATEST = max(SHA256)


@cache
def shipped(number: int) -> Network:
    """A network by its number.

    Raises:
        UnsupportedError: There is none of this number.
        DemzipError: Its file is not the one that demzip was published with.

    """
    if number not in SHA256:
        raise UnsupportedError(f"network {number} is not known to this demzip")
    file = resources.files("demzip.scan.neural") / "networks" / f"{number}.bin"
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256[number]:
        raise DemzipError(f"{file} is damaged: its checksum does not match; install demzip again")
    reader = ByteReader(data, f"network {number}")
    network, _ = Network.from_bytes(reader)
    reader.done()
    return network
