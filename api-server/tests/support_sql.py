"""PostgreSQL by way of libpq, which costs less than a psql for each question."""

import ctypes
import ctypes.util
import select

libpq = ctypes.CDLL(ctypes.util.find_library("pq"))
for name, result, arguments in (
    ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]), ("PQfinish", None, [ctypes.c_void_p]), ("PQping", ctypes.c_int, [ctypes.c_char_p]),
    ("PQstatus", ctypes.c_int, [ctypes.c_void_p]), ("PQsocket", ctypes.c_int, [ctypes.c_void_p]), ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
    ("PQsendQuery", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]), ("PQconsumeInput", ctypes.c_int, [ctypes.c_void_p]),
    ("PQisBusy", ctypes.c_int, [ctypes.c_void_p]), ("PQgetResult", ctypes.c_void_p, [ctypes.c_void_p]), ("PQclear", None, [ctypes.c_void_p]),
    ("PQresultErrorMessage", ctypes.c_char_p, [ctypes.c_void_p]), ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
    ("PQnfields", ctypes.c_int, [ctypes.c_void_p]), ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
):
    getattr(libpq, name).restype, getattr(libpq, name).argtypes = result, arguments
CONNECTED, ACCEPTING = 0, 0  # libpq-fe.h: CONNECTION_OK, PQPING_OK


class SqlError(Exception):
    """What PostgreSQL said."""


class Connection:
    """One session, for one thread at a time; it ends with close() or with a with block."""

    def __init__(self, url):
        self.session = libpq.PQconnectdb(url.encode())
        if libpq.PQstatus(self.session) != CONNECTED:
            message = libpq.PQerrorMessage(self.session).decode()
            self.close()
            raise SqlError(message)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        session, self.session = self.session, None
        libpq.PQfinish(session)

    def is_alive(self):
        """Between two questions nothing comes but the news of the session's end."""
        return not select.select([libpq.PQsocket(self.session)], [], [], 0)[0]

    def sql(self, text, timeout_s=60):
        """The rows that the statements return, a line each, with | between fields and nothing for NULL, as of psql -At. Several are one transaction."""
        if not libpq.PQsendQuery(self.session, text.encode()):
            raise SqlError(libpq.PQerrorMessage(self.session).decode())
        rows, error = [], ""
        while result := self.next_result(timeout_s):
            error += libpq.PQresultErrorMessage(result).decode()
            columns = range(libpq.PQnfields(result))
            rows += ["|".join(libpq.PQgetvalue(result, row, column).decode() for column in columns) for row in range(libpq.PQntuples(result))]
            libpq.PQclear(result)
        if error:
            raise SqlError(error)
        return "\n".join(rows).strip()

    def next_result(self, timeout_s):
        while libpq.PQisBusy(self.session):
            if not select.select([libpq.PQsocket(self.session)], [], [], timeout_s)[0]:
                raise SqlError(f"no answer within {timeout_s} s")
            if not libpq.PQconsumeInput(self.session):
                break  # what is wrong the next result says
        return libpq.PQgetResult(self.session)


def ask(url, text):
    """In a session for it alone."""
    with Connection(url) as connection:
        return connection.sql(text)


def accepts(url):
    """Whether a PostgreSQL takes connections there."""
    return libpq.PQping(url.encode()) == ACCEPTING
