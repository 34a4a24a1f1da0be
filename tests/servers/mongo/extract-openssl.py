"""Takes OpenSSL 1.1's two shared libraries out of a wheel: extract-openssl.py WHEEL FOLDER"""

import os
import re
import sys
import zipfile

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.namelist():
        found = re.search(r"/(lib(ssl|crypto)-[0-9a-f]+\.so\.1\.1)$", member)
        if not found:
            continue
        with open(os.path.join(folder, found[1]), "wb") as out:
            out.write(archive.read(member))
        os.symlink(found[1], os.path.join(folder, f"lib{found[2]}.so.1.1"))
