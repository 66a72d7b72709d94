"""The laws of the house that imports alone cannot hold; each failure tells the reason."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import (
    Function,
    Source,
    argument_names,
    broken,
    calls,
    classes,
    dotted,
    functions,
    imported_modules,
    sources,
)

OPERATIONS = "resale/application/operations"
QUERIES = "resale/application/queries"
DYNAMODB = "resale/adapters/dynamodb"

_TENANT_ARGUMENTS = {"tenant", "tenant_id", "tenant_slug", "account_id", "account"}
_HELD_BY_THE_CONTEXT = {"now", "principal", "actor", "request_id", "key", "command_key", "expected_version", "context"}
_IMPURE_MODULES = {"uuid", "uuid_utils", "random", "secrets", "os", "time", "socket", "subprocess", "pathlib"}
_CLOCK_CALLS = re.compile(
    r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|timezone\.(now|localtime)|time\.time(_ns)?)$"
)
_KEY_SEPARATOR = re.compile(r"[^\s(,]#")
_EMPTY_NAMES = {"util", "utils", "helper", "helpers", "misc", "common", "manager", "managers"}
_WORKERS_WITH_A_CLOCK = [f"apps/workers/{name}" for name in ("tasks.py", "tasks", "roles.py", "sweep.py")]
_IRREGULAR = (
    "begun|bought|chosen|drawn|found|given|gone|heard|held|kept|known|left|lost|made|paid|said|seen|sent|shown|sold"
    "|taken|told|won|written"
)
#: ``kept``, ``_asked_for``, ``made_at``; not what a participle only describes, as in ``known_key``.
_PARTICIPLE = re.compile(
    rf"_?(?!(?:feed|need|seed|embed|exceed|proceed)\b)(?:[a-z]+ed|{_IRREGULAR})"
    r"(_(?:at|back|by|for|from|in|of|off|on|or|over|to|up|when)(_.*)?)?"
)
_EMPTY_CLASS = re.compile(r"(Util|Utils|Helper|Helpers|Manager)$")


class TestOneTenant:
    def test_a_repository_takes_no_tenant(self) -> None:
        offences = [
            f"{source.at(method)} {cls.name}.{method.name}({', '.join(sorted(named))})"
            for source in sources("resale/application/ports.py", "resale/application/ports", DYNAMODB)
            for cls in classes(source.tree)
            if _is_tenant_bound(cls)
            for method in functions(cls.body)
            if method.name != "__init__" and (named := argument_names(method) & _TENANT_ARGUMENTS)
        ]
        reason = "A unit of work is opened for one tenant, so that a read across tenants cannot even be spelled:"
        assert not offences, broken(reason, offences)


class TestOnlyOperationsCommit:
    def test_nobody_else_calls_commit(self) -> None:
        offences = [
            f"{source.at(call)} {called}()"
            for source in sources("resale", "apps")
            if not source.path.startswith((OPERATIONS, "deploy/local", f"{DYNAMODB}/unit_of_work.py"))
            for call, called in calls(source.tree)
            if called.endswith(".commit")
        ]
        reason = "One use case is one commit, and a use case is an operation; a query, adapter or door never commits:"
        assert not offences, broken(reason, offences)

    def test_an_operation_commits_in_one_place_at_a_time(self) -> None:
        offences = [
            f"{source.at(call)} {function.name} commits in a loop"
            for source in sources(OPERATIONS)
            for function in functions(source.tree.body)
            for loop in ast.walk(function)
            if isinstance(loop, ast.For | ast.While)
            for call, called in calls(loop)
            if called.endswith(".commit")
        ]
        reason = "An operation commits once; a loop of commits is a use case half done when it breaks:"
        assert not offences, broken(reason, offences)


class TestKeywordOnly:
    def test_operations_and_queries(self) -> None:
        offences = [
            f"{source.at(function)} {function.name}"
            for source in sources(OPERATIONS, QUERIES)
            for function in functions(source.tree.body)
            if _is_use_case(source, function) and _positional(function) != _unnamed(source, function)
        ]
        reason = "Ids are strings and look alike; queries name every argument, operations all but their unit of work:"
        assert not offences, broken(reason, offences)

    def test_tasks(self) -> None:
        offences = [
            f"{source.at(task)} {task.name}"
            for source in sources("apps/workers")
            for task in _task_bodies(source)
            if [name for name in _positional(task) if name not in {"self", "task"}]
        ]
        reason = "A message names its arguments, so that a task can gain one; tasks are keyword-only:"
        assert not offences, broken(reason, offences)


class TestOneContext:
    """Decision 0031: an operation reads time and identity from its unit of work, and from nowhere else."""

    def test_an_operation_is_not_told_them_again(self) -> None:
        offences = [
            f"{source.at(node)} {getattr(node, 'name', 'lambda')}({argument.arg})"
            for source in sources(OPERATIONS)
            for node in ast.walk(source.tree)
            if isinstance(node, Function | ast.Lambda)
            for argument in _arguments(node)
            if argument.arg in _HELD_BY_THE_CONTEXT or _is_another_moment(argument)
        ]
        reason = "Told twice they can differ; read them from the unit of work (uow.now, uow.principal, uow.context):"
        assert not offences, broken(reason, offences)

    def test_a_context_is_made_at_an_entrypoint(self) -> None:
        offences = [
            f"{source.at(call)} {called}()"
            for source in sources("resale")
            for call, called in calls(source.tree)
            if called.split(".")[-1] == "CommandContext"
        ]
        reason = "Whoever opens a unit of work says who acts and when; the library makes nobody up:"
        assert not offences, broken(reason, offences)

    def test_whoever_runs_an_operation_has_its_arguments_checked(self) -> None:
        offences = [
            f"{source.at(function)} {function.name}: {ast.unparse(argument.annotation or argument)}"
            for source in sources("apps")
            for function in ast.walk(source.tree)
            if isinstance(function, Function)
            for argument in _arguments(function)
            if argument.arg == "operation" and not _is_checked(argument)
        ]
        reason = "mypy sees a misspelt argument of an operation only through Callable[Concatenate[UnitOfWork, P], R]:"
        assert not offences, broken(reason, offences)


class TestPureCore:
    def test_domain_and_application_are_given_time_ids_and_randomness(self) -> None:
        core = sources("resale/domain", "resale/application")
        imports = [
            f"{source.at(node)} import {module}"
            for source in core
            for node, module in imported_modules(source.tree)
            if module.split(".")[0] in _IMPURE_MODULES
        ]
        reads = [
            f"{source.at(call)} {called}()"
            for source in core
            for call, called in calls(source.tree)
            if _CLOCK_CALLS.search(called) or called in {"open", "input", "print"}
        ]
        reason = "Domain and application take now, ids and randomness as arguments, so that a test picks the moment:"
        assert not imports + reads, broken(reason, imports + reads)

    def test_doors_take_now_from_the_tenants_clock(self) -> None:
        offences = [
            f"{source.at(call)} {called}()"
            for source in sources("apps/storefront", "apps/backoffice", *_WORKERS_WITH_A_CLOCK)
            for call, called in calls(source.tree)
            if _CLOCK_CALLS.search(called)
        ]
        reason = "A sandbox tenant can have a test clock; doors take now from apps.core.clock.for_tenant:"
        assert not offences, broken(reason, offences)


class TestChanges:
    def test_the_fields_that_change_are_spelled_out(self) -> None:
        taken = [
            f"{source.at(function)} {function.name}(**{function.args.kwarg.arg})"
            for source in sources("resale/domain", "resale/application")
            for function in ast.walk(source.tree)
            if isinstance(function, Function) and function.args.kwarg is not None
        ]
        unpacked = [
            f"{source.at(call)} {called}(**…)"
            for source in sources("resale", "apps")
            if source.path != "resale/domain/edits.py"  # which takes what an edit gives, field by field
            for call, called in calls(source.tree)
            if called.split(".")[-1] == "replace" and any(keyword.arg is None for keyword in call.keywords)
        ]
        reason = "mypy sees a change where each field is named, replace(order, claim_id=…), and not in a mapping:"
        assert not taken + unpacked, broken(reason, taken + unpacked)


class TestKeys:
    def test_only_keys_py_builds_keys(self) -> None:
        offences = [
            f"{source.at(node)} {ast.unparse(node)}"
            for source in sources(DYNAMODB, "resale/application", "resale/bootstrap.py")
            if source.path != f"{DYNAMODB}/keys.py"
            for node in ast.walk(source.tree)
            if _builds_key(node)
        ]
        reason = "A key built in two places will differ one day; adapters/dynamodb/keys.py builds all of them:"
        assert not offences, broken(reason, offences)


class TestNames:
    def test_no_file_or_class_is_named_for_nothing(self) -> None:
        everything = sources("resale", "apps", "config")
        files = [source.path for source in everything if _EMPTY_NAMES & set(source.path[:-3].split("/"))]
        named = [
            f"{source.at(cls)} {cls.name}"
            for source in sources("resale")
            for cls in classes(source.tree)
            if _EMPTY_CLASS.search(cls.name)
        ]
        reason = "A file called utils, helpers, misc or manager takes in everything; name it for what lives there:"
        assert not files + named, broken(reason, files + named)

    def test_a_function_is_not_named_by_a_past_participle(self) -> None:
        offences = [
            f"{source.at(function)} {function.name}"
            for source in sources("resale", "apps", "config", "deploy")
            for function in ast.walk(source.tree)
            if isinstance(function, Function) and _PARTICIPLE.fullmatch(function.name) and not _is_property(function)
        ]
        reason = "A function is named by a verb: transition, update, find, build; moved, kept and known say too little:"
        assert not offences, broken(reason, offences)

    def test_the_same_noun_names_the_file_in_every_layer(self) -> None:
        nouns = {source.module.rsplit(".", 1)[1] for source in sources("resale/domain", DYNAMODB)}
        offences = [
            source.path
            for source in sources(OPERATIONS, QUERIES)
            if not source.path.endswith("__init__.py") and not set(source.module.split(".")) & nouns
        ]
        reason = "One noun names the file in every layer (git ls-files '*listings*'); these stand alone:"
        assert not offences, broken(reason, offences)


class TestSizes:
    def test_files_and_functions_stay_readable(self) -> None:
        files = [
            f"{source.path}: {lines} lines"
            for source in sources("resale", "apps", "config")
            if "/migrations/" not in source.path and (lines := _last_line(source)) > 400
        ]
        long = [
            f"{source.at(node)} {node.name}: {length} lines"
            for source in sources("resale", "apps", "config")
            for node in ast.walk(source.tree)
            if isinstance(node, Function) and (length := _code_lines(node)) > 50
        ]
        reason = "A file above 400 lines becomes a package of the same name, a function above 50 is several:"
        assert not files + long, broken(reason, files + long)


def _is_tenant_bound(cls: ast.ClassDef) -> bool:
    """A port or adapter that exists within one tenant's unit of work or reader."""
    named = cls.name.endswith(("Repository", "Repositories", "Reader", "Reads", "UnitOfWork", "HistoryLog"))
    return named or re.match(r"DynamoDB[A-Z]", cls.name) is not None


def _positional(function: Function) -> list[str]:
    spec = function.args
    named = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    return [*named, *(["*" + spec.vararg.arg] if spec.vararg else [])]


def _arguments(function: Function | ast.Lambda) -> list[ast.arg]:
    spec = function.args
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]


def _is_another_moment(argument: ast.arg) -> bool:
    """The wall clock beside a test clock is one, and the only one."""
    return ast.unparse(argument.annotation or argument) == "datetime" and argument.arg != "wall_now"


def _is_checked(argument: ast.arg) -> bool:
    annotation = ast.unparse(argument.annotation or argument)
    return "Callable" not in annotation or annotation == "Callable[Concatenate[UnitOfWork, P], R]"


def _unnamed(source: Source, function: Function) -> list[str]:
    """What may be given by position: the unit of work, to an operation."""
    is_given_one = source.path.startswith(OPERATIONS) and "uow" in argument_names(function)
    return ["uow"] if is_given_one else []


def _is_use_case(source: Source, function: Function) -> bool:
    """An operation, or a function of a query's file that reads; the others there only shape what was read."""
    if function.name.startswith("_"):
        return False
    reads = re.match(r"(get|find|list|count)_", function.name) is not None or "reader" in argument_names(function)
    return reads or source.path.startswith(OPERATIONS)


def _task_bodies(source: Source) -> Iterator[Function]:
    """Functions decorated as tasks, and ``run`` of task classes."""
    for node in ast.walk(source.tree):
        if isinstance(node, Function) and any(_is_task_decorator(item) for item in node.decorator_list):
            yield node
        if isinstance(node, ast.ClassDef) and any(dotted(base).endswith("Task") for base in node.bases):
            yield from (method for method in functions(node.body) if method.name == "run")


def _is_task_decorator(node: ast.expr) -> bool:
    name = dotted(node.func if isinstance(node, ast.Call) else node)
    return name == "shared_task" or name.endswith(".task")


def _builds_key(node: ast.AST) -> bool:
    """Joins parts with ``#``, the separator of composite keys; ``#name`` alone is an expression's placeholder."""
    if isinstance(node, ast.JoinedStr):
        return _KEY_SEPARATOR.search("".join(_shape(part) for part in node.values)) is not None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return any(_is_separating(side) for side in (node.left, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"join", "format"}:
        return _is_separating(node.func.value)
    return False


def _shape(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "x"


def _is_separating(node: ast.AST) -> bool:
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return text == "#" or _KEY_SEPARATOR.search(text) is not None


def _is_property(function: Function) -> bool:
    return any("property" in dotted(item) or dotted(item).endswith(".setter") for item in function.decorator_list)


def _code_lines(function: Function) -> int:
    """Count the lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def _last_line(source: Source) -> int:
    return max((node.end_lineno or 0 for node in source.tree.body), default=0)
