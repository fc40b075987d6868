"""nginx in front of several daemons, configured as scripts/run does."""
import os

from .client import Client
from .ports import free_port
from .process import Process
from .wait import wait_until

CONFIGURATION = """
{user}
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	upstream relevo {{
{servers}
		keepalive 64;
	}}
	server {{
		listen 127.0.0.1:{port};
		location / {{
			proxy_pass http://relevo;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_connect_timeout 2s;
			proxy_next_upstream error timeout;
			proxy_next_upstream_tries 3;
		}}
	}}
}}
"""


class Nginx(Process):
    def __init__(self, folder, ports):
        self.folder = os.path.join(folder, "nginx")
        os.makedirs(self.folder)
        super().__init__("nginx", os.path.join(self.folder, "nginx.log"))
        self.port = free_port()
        self.api = Client(self.port)
        # A daemon that is restarted is asked again at once: with the default, all of them could
        # count as failed at a time.
        servers = "\n".join(f"\t\tserver 127.0.0.1:{port} max_fails=0;" for port in ports)
        with open(os.path.join(self.folder, "nginx.conf"), "w", encoding="ascii") as out:
            out.write(CONFIGURATION.format(folder=self.folder, port=self.port, servers=servers,
                                           user="user root;" if os.getuid() == 0 else ""))

    def start(self):
        self.spawn(["nginx", "-p", self.folder, "-e", self.log_path,
                    "-c", os.path.join(self.folder, "nginx.conf")])

        def answers():
            assert self.running, f"nginx ended:\n{self.log_tail(20)}"
            try:
                return self.api.get("/health").status == 200
            except OSError:
                return False
        wait_until(answers, 10, "nginx answers")
        return self

    def stop(self):
        self.api.close()
        return self.terminate()
