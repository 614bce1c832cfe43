"""From plain functions to routes: guards from the access table, limits, threads, answers (see ``Routes``)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Literal, cast, get_type_hints

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Method, Receive, Scope, Send

from rma.api import access, auth, problems, reading
from rma.api.http import Call, Upload
from rma.domain import strict
from rma.errors import Invalid, NotFound, TooLarge
from rma.services import pace
from rma.services.context import Services
from rma.services.idempotency import Answer

Body = Literal["json", "none", "form", "stream", "text"]
Handler = Callable[..., Answer]
PREFIX = "/api/v1"
_PARAMETER = re.compile(r"{(\w+)}")
_EMPTY = b"{}"
_BODILESS = frozenset({204, 304})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A handler and everything that is known about its route.

    ``data`` is the struct its JSON body is read into. With ``even`` the time of its answer tells nothing (``pace``).
    With ``counted`` each network address may ask so often and no more (``limits``), before anything of it is read.
    ``also`` is the other good status where it has two: what is new is 201, what was there already 200.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    prefix: str = PREFIX
    data: Any = None
    body: Body = "none"
    answers: Any = None
    status: int = 200
    also: int | None = None
    query: type[msgspec.Struct] | None = None
    writes: bool = True
    inline: bool = False
    even: bool = False
    counted: bool = False
    media_type: str = "application/json"

    @property
    def keyed(self) -> bool:
        """True if it demands an Idempotency-Key."""
        return self.method == "POST" and self.writes

    def run(self, call: Call) -> Answer:
        """Read the body, call the handler; any error becomes a problem."""
        try:
            if self.data is None:
                return call.unless_held(self.handler(call)) if self.answers is bytes else self.handler(call)
            if self.body == "json":
                reading.check_depth(call.body, call.services.settings.max_json_depth)
            return self.handler(call, strict.decode(call.body or _EMPTY, self.data))
        except Exception as error:  # noqa: BLE001 - the edge: nothing may leave it but an answer
            return problems.answer(error)
        finally:
            if call.file is not None:
                call.file.close()


class Routes:
    """The routes of one capability; each handler is a plain function that runs in a thread.

    >>> routes = Routes(tag="Returns")
    >>> @routes.post("/returns", status=201)
    ... def file(call: Call, data: FileReturn) -> Answer:
    ...     return call.write(lambda work: created(returns.file(work, call.caller, data)))
    """

    def __init__(self, *, tag: str, prefix: str = PREFIX) -> None:
        self.tag = tag
        self.prefix = prefix
        self.endpoints: list[Endpoint] = []

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A route that changes nothing. Options: ``answers``, ``query``, ``media_type``, ``inline``, ``counted``."""
        return self._add("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A route that does something. As ``get``, and ``status``, ``also``, ``writes``, ``body``, ``even``."""
        return self._add("POST", path, options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A route that makes it so."""
        return self._add("PUT", path, options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A route that changes some fields."""
        return self._add("PATCH", path, options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """A route that takes something away."""
        return self._add("DELETE", path, options)

    def _add(self, method: str, path: str, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            data = get_type_hints(handler).get("data")
            given = {"body": "none" if data is None else "json", **options}
            self.endpoints.append(
                Endpoint(
                    method=method, path=path, handler=handler, tag=self.tag, prefix=self.prefix, data=data, **given
                )
            )
            return handler

        return add


class Reply:
    """An answer on its way out, as the ASGI application that Litestar awaits."""

    __slots__ = ("answer",)

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send status, headers and body; to HEAD everything but the body."""
        answer = self.answer
        headers = [*answer.headers]
        if answer.status not in _BODILESS:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        if answer.body:
            headers.append((b"content-type", answer.media_type.encode()))
        if answer.etag is not None:
            headers.append((b"etag", answer.etag.encode()))
        if answer.replayed:
            headers.append((b"idempotency-replayed", b"true"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope.get("method") == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})


class Server:
    """Turns endpoints into Litestar's route handlers around one ``Services`` and one pool of threads."""

    def __init__(self, services: Services, executor: Executor) -> None:
        self._services = services
        self._executor = executor

    def handlers(self, routes: Sequence[Routes]) -> list[HTTPRouteHandler]:
        """One route handler per endpoint, and per address one that says what it can do.

        ``LookupError`` for an endpoint that the access table forgot.
        """
        endpoints = [endpoint for group in routes for endpoint in group.endpoints]
        taken: dict[str, list[str]] = {}
        for endpoint in endpoints:
            taken.setdefault(_address(endpoint), ["OPTIONS"]).extend(_methods(endpoint))
        return [*(_options(*one) for one in taken.items()), *(self._handler(endpoint) for endpoint in endpoints)]

    def _handler(self, endpoint: Endpoint) -> HTTPRouteHandler:
        access.rule_of(endpoint.method, endpoint.path)

        async def handle(request: Request[Any, Any, Any]) -> ASGIApp:
            return cast(ASGIApp, Reply(await self._answer(endpoint, request)))

        name = f"{endpoint.method} {endpoint.prefix}{endpoint.path}"
        return HTTPRouteHandler(
            _address(endpoint),
            http_method=_methods(endpoint),
            name=name,
            status_code=200,
            request_max_body_size=self._services.settings.max_upload_bytes,
        )(handle)

    async def _answer(self, endpoint: Endpoint, request: Request[Any, Any, Any]) -> Answer:
        try:
            call = await self._admit(endpoint, request.scope)
            await self._take_body(endpoint, call, request)
        except Exception as error:  # noqa: BLE001 - the edge: nothing may leave it but an answer
            return problems.answer(error)
        if endpoint.inline:
            return endpoint.run(call)
        run = asyncio.get_running_loop().run_in_executor(self._executor, endpoint.run, call)
        return await (pace.evenly(run, self._services.settings.even_seconds) if endpoint.even else run)

    async def _admit(self, endpoint: Endpoint, scope: HTTPScope) -> Call:
        """The call, if this caller may make it."""
        client = (scope["client"] or ("", 0))[0]
        if endpoint.counted:
            self._services.limits.admit(client)
        headers = dict(scope["headers"])
        params: dict[str, str] = scope["path_params"]
        rules = access.rules_of(endpoint.method, endpoint.path, params.get("trigger"))
        caller = None
        if not rules[0].public:
            caller = await auth.identify(headers.get(b"authorization"), self._services.identities, self._executor)
            scope["state"]["caller"] = caller
        for rule in rules:
            access.check(rule, caller)
        if "\x00" in scope["path"]:
            raise NotFound("There is nothing at this address.")
        call = Call(
            services=self._services,
            caller=caller,
            method=endpoint.method,
            path=scope["path"],
            params=params,
            headers=headers,
            raw_query=scope["query_string"],
            client=client,
        )
        if endpoint.method == "POST":
            call.take_key(demanded=endpoint.keyed)
        return call

    async def _take_body(self, endpoint: Endpoint, call: Call, request: Request[Any, Any, Any]) -> None:
        settings, declared = self._services.settings, call.headers.get(b"content-length")
        if endpoint.body == "form":
            await _take_form(call, request)
        elif endpoint.body == "stream":
            call.file = await reading.spooled(request.receive, settings.max_import_bytes, declared)
        elif endpoint.method != "GET":
            call.body = await reading.whole(request.receive, settings.max_json_bytes, declared)
            if endpoint.body == "json" and call.body:
                reading.check_json(call.media_type)


def _address(endpoint: Endpoint) -> str:
    return endpoint.prefix + _PARAMETER.sub(r"{\1:str}", endpoint.path)


def _methods(endpoint: Endpoint) -> list[Method]:
    """What can be read can also be asked for without its body."""
    return ["GET", "HEAD"] if endpoint.method == "GET" else [cast(Method, endpoint.method)]


def _options(address: str, methods: list[str]) -> HTTPRouteHandler:
    allow = ", ".join(sorted(methods)).encode()
    reply = Reply(Answer(204, headers=((b"allow", allow),)))

    async def handle() -> ASGIApp:
        return cast(ASGIApp, reply)

    return HTTPRouteHandler(address, http_method="OPTIONS", name=f"OPTIONS {address}", status_code=200)(handle)


async def _take_form(call: Call, request: Request[Any, Any, Any]) -> None:
    reading.check_form(call.media_type)
    try:
        form = await request.form()
    except HTTPException as error:
        if type(error.__context__).__name__ == "ParserLimitReached":  # the framework calls it a 400
            raise TooLarge("The form has too many parts, or one whose header is too large.") from None
        raise
    for name, value in form.multi_items():
        if name in call.files or name in call.form:
            raise Invalid.field(name, "twice", "This field was sent twice.")
        if isinstance(value, UploadFile):
            call.files[name] = Upload(value.filename, value.content_type, value.file)
        else:
            call.form[name] = str(value)
    reading.check_texts(call.form)
