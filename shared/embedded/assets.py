"""Copy what the pages use out of shared/ui/node_modules to .assets: `python3 -I shared/embedded/assets.py`. Standard library only.

The packages hold far more than is served, and among it a typeface that only government sites of one country may use. So what
is published is chosen here, file by file: /assets/npm, /assets/images, /assets/fonts and /assets/licences of the gateway are
these folders.
"""

import json
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "shared" / "ui" / "node_modules"
ASSETS = ROOT / ".assets"

GOVUK = "govuk-frontend"
MOJ = "@ministryofjustice/frontend"
PLEX = "@fontsource/ibm-plex-sans"
HTMX = "htmx.org"
PUBLISHED = (
    f"{GOVUK}/dist/govuk/govuk-frontend.min.css",
    f"{GOVUK}/dist/govuk/govuk-frontend.min.js",
    f"{MOJ}/moj/moj-frontend.min.css",
    f"{MOJ}/moj/moj-frontend.min.js",
    f"{HTMX}/dist/htmx.min.js",
)
ICONS = f"{MOJ}/moj/assets/images"
WEIGHTS = (400, 500, 600)
SUBSETS = ("latin", "latin-ext", "cyrillic", "cyrillic-ext")
"""Russian, і and ұ are in `cyrillic`; the other letters of Kazakh are in `cyrillic-ext`, ₸ is in `latin-ext`."""
LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md")


def publish(packages, assets):
    """Make the folder `assets` anew from the folder `packages` (npm's node_modules)."""
    shutil.rmtree(assets, ignore_errors=True)
    for folder in ("npm", "images", "fonts", "licences"):
        (assets / folder).mkdir(parents=True)
    for path in PUBLISHED:
        text = without_faces(without_source_map((packages / path).read_text("utf-8")))
        (assets / "npm" / Path(path).name).write_text(text, "utf-8")
    for icon in sorted((packages / ICONS).glob("icon-*.svg")):  # the styles of MOJ link to them; its crests stay where they are
        shutil.copyfile(icon, assets / "images" / icon.name)
    publish_fonts(packages / PLEX, assets)
    for package in (GOVUK, MOJ, PLEX, HTMX):
        (assets / "licences" / f"{package.lstrip('@').replace('/', '-')}.txt").write_text(licence(packages / package), "utf-8")


def publish_fonts(package, assets):
    """The chosen weights and subsets of a Fontsource package, and npm/fonts.css that declares them."""
    version = described(package)["version"]
    faces = [face for weight in WEIGHTS for face in font_faces((package / f"{weight}.css").read_text("utf-8"))]
    for name, _ in faces:
        shutil.copyfile(package / "files" / name, assets / "fonts" / name)
    declared = [face.replace(f"url({name})", f"url(/assets/fonts/{name}?v={version})") for name, face in faces]
    (assets / "npm" / "fonts.css").write_text("\n".join(declared) + "\n", "utf-8")


def font_faces(styles):
    """(file name, @font-face rule with that file as its only source) of each face of the chosen subsets."""
    chosen = "|".join(SUBSETS)
    for face in re.findall(r"@font-face \{.*?\}", styles, re.DOTALL):
        found = re.search(rf"url\(\./files/(ibm-plex-sans-(?:{chosen})-\d+-normal\.woff2)\)", face)
        if found:
            yield found[1], re.sub(r"src: .*?;", f"src: url({found[1]}) format('woff2');", face, flags=re.DOTALL)


def without_source_map(text):
    """Without the link to a map that is not served: browsers' tools would ask for it in vain."""
    return re.sub(r"\s*(//|/\*)# sourceMappingURL=\S+( \*/)?\s*$", "\n", text)


def without_faces(text):
    """Without typefaces of its own: they are not published, and a browser that lays a page out before our styles have come would
    ask for them."""
    return re.sub(r"@font-face\{[^}]*\}", "", text)


def licence(package):
    """The text of a package's licence; what it says about itself where it brings no text."""
    for name in LICENCES:
        if (package / name).is_file():
            return (package / name).read_text("utf-8")
    about = described(package)
    return "".join(f"{key}: {json.dumps(about[key])}\n" for key in ("name", "version", "license", "repository") if key in about)


def described(package):
    return json.loads((package / "package.json").read_text("utf-8"))


if __name__ == "__main__":
    publish(PACKAGES, ASSETS)
