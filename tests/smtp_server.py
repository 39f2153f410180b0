"""A mail server on loopback that keeps what it is sent, and refuses whom it is told to."""

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        taken: list[str] = []
        self._say(220)
        while line := self.rfile.readline().decode().strip():
            command, _, rest = line.partition(" ")
            verb = command.upper()
            if verb == "RCPT":
                address = rest.partition("<")[2].partition(">")[0]
                is_refused = address in self.server.refused
                taken += [] if is_refused else [address]
                self._say(550 if is_refused else 250)
            elif verb == "DATA":
                self._say(354)
                lines = iter(self.rfile.readline, b".\r\n")
                content = b"".join(line.removeprefix(b".") for line in lines)
                self.server.mails.append((taken, message_from_bytes(content, policy=policy.SMTP)))
                self._say(250)
            else:
                self._say(221 if verb == "QUIT" else 250)

    def _say(self, code: int) -> None:
        self.wfile.write(f"{code} so\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """Use it as a context.

    Attributes:
        mails: of each mail, whom it was delivered to, and the mail itself.
        refused: addresses that it takes no mail for.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refused: set[str] = set()
        self.port = self.server_address[1]

    def __enter__(self) -> "MailServer":
        threading.Thread(target=self.serve_forever).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
