"""A browser that plays a story: a Node script of tests/browser that drives Chromium and asks us to do
what a page cannot, such as stopping a server."""
import json
import os
import subprocess
import tempfile

from .process import die_with_parent

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_STORIES = os.path.join(_ROOT, "tests", "browser")
DASHBOARD = os.path.join(_ROOT, "build", "dashboard")


class Browser:
    def __init__(self, folder):
        self.folder = str(folder)  # for what a failed story leaves

    def play(self, story, url, actions=None, **options):
        """Run a story to its end; its `ask(name, ...)` calls `actions[name](...)` and gets what that
        returns. A story that fails fails the test with what it wrote."""
        assert os.path.exists(os.path.join(DASHBOARD, "index.html")), "no build/dashboard"
        log_path = os.path.join(self.folder, "story.log")
        picture = os.path.join(self.folder, "failed.png")
        # The browser has sockets in its temporary folder, whose paths may not be long.
        with (open(log_path, "w+", encoding="utf-8") as log,
              tempfile.TemporaryDirectory(prefix="relevo-", ignore_cleanup_errors=True) as temporary):
            script = subprocess.Popen(
                ["node", os.path.join(_STORIES, f"{story}.mjs"), url, json.dumps(options)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "TMPDIR": temporary, "RELEVO_PICTURE": picture},
                preexec_fn=die_with_parent)
            try:
                self._serve(script, actions or {})
                code = script.wait(timeout=20)
            finally:
                script.kill()
                script.wait()
                log.seek(0)
                print(log.read())
        assert code == 0, f"the story {story} failed; the end of the page: {picture}"

    def _serve(self, script, actions):
        for line in script.stdout:
            name, *values = json.loads(line)
            answer = actions[name](*values)
            script.stdin.write(json.dumps(answer) + "\n")
            script.stdin.flush()
