"""Decode a request body into the form of its built-in type.

What a typed round trip does upstream is visible to clients, so it is done here to the plain object:

- a value of the wrong JSON type is refused with Go's words (`json: cannot unmarshal string into Go struct
  field DeploymentSpec.spec.replicas of type int32`);
- unknown fields are dropped and reported with their paths (`unknown field "spec.replicaz"`);
- null and the zero value of an optional field mean "not set" and are dropped, unless the type tells zero from
  unset;
- quantities, times and base64 get their canonical form;
- members that every object has (`status`, a container's `resources`) are there, empty.

Every type is compiled once into closures over tables (`Schema.program`): a pod takes about ten microseconds.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from steersman.api import quantity, times
from steersman.api.schema import model

if TYPE_CHECKING:
    from steersman.api.schema.model import Schema

Program = Callable[[Any, list[str]], Any]
"""Takes a value and the list of problems so far; returns the value to keep. May change the value in place."""

QUANTITY_FORM = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_ZULU = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ZULU_MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class DecodeError(ValueError):
    """The body is not of the type. The message names the field once it has passed through the structs around
    it."""

    def __init__(self, got: str, want: str, text: str = "") -> None:
        super().__init__(text)
        self.got = got
        self.want = want
        self.text = text
        self.struct = ""
        self.segments: list[str] = []

    def inside(self, struct: str, field: str) -> DecodeError:
        """Note the struct and field on the way out."""
        if not self.struct:
            self.struct = struct.rpartition(".")[2]
        self.segments.insert(0, field)
        return self

    def __str__(self) -> str:
        if self.text:
            return self.text
        place = (
            f"Go struct field {self.struct}.{'.'.join(self.segments)} of type {self.want}"
            if self.struct
            else f"Go value of type {self.want}"
        )
        return f"json: cannot unmarshal {self.got} into {place}"


def decode(schema: Schema, obj: Any) -> list[str]:
    """Put an object (owned by the caller) into the form of its type, in place.

    Returns what strict decoding complains about: texts like `unknown field "spec.replicaz"`.
    Raises DecodeError when a value has the wrong type.
    """
    problems: list[str] = []
    program_of(schema)(obj, problems)
    return [f'unknown field "{path}"' for path in problems]


def program_of(schema: Schema) -> Program:
    """The compiled walker of a schema node."""
    base = schema.base
    if base.program is None:
        base.program = _compile(base)
    program: Program = base.program
    return program


def _compile(schema: Schema) -> Program:
    if schema.kind is model.OBJECT:
        return _struct(schema) if schema.fields else _empty_struct(schema)
    if schema.kind is model.MAP:
        return _map(schema)
    if schema.kind is model.LIST:
        return _list(schema)
    return _SCALAR_PROGRAMS[schema.kind]


_PYTHON_TYPES = {model.STRING: str, model.BOOL: bool}
_ZERO = {
    model.STRING: "",
    model.BYTES: "",
    model.INT32: 0,
    model.INT64: 0,
    model.NUMBER: 0,
    model.BOOL: False,
    model.QUANTITY: "0",
}


def _row(parent: Schema, name: str, schema: Schema) -> tuple[Any, Any, Any]:
    """Facts of a field: the type that needs no more work, the walker, and the value that means "not set"."""
    plain = _PYTHON_TYPES.get(schema.kind)
    droppable: Any = None
    if name not in parent.required and name not in parent.keep_zero:
        if schema.kind in (model.STRING, model.BYTES):
            droppable = ""
        elif schema.kind in (model.INT32, model.INT64, model.NUMBER):
            droppable = 0
        elif schema.kind is model.BOOL:
            droppable = False
        elif schema.kind is model.LIST:
            droppable = []
        elif schema.kind is model.MAP:
            droppable = {}
    return plain, None if plain else program_of(schema), droppable


def _struct(schema: Schema) -> Program:
    rows: dict[str, tuple[Any, Any, Any]] = {}
    name = schema.name
    always = tuple((key, _always(schema.fields[key])) for key in schema.always)

    def run(value: Any, problems: list[str]) -> Any:
        if type(value) is not dict:
            raise DecodeError(_json_name(value), name or "map[string]interface {}")
        if not rows:
            rows.update({key: _row(schema, key, child) for key, child in schema.fields.items()})
        drop: list[str] | None = None
        key = ""
        try:
            for key, item in value.items():
                row = rows.get(key)
                if row is None:
                    problems.append(key)
                elif item is None:
                    pass
                else:
                    plain, program, droppable = row
                    if program is not None:
                        before = len(problems)
                        kept = program(item, problems)
                        if kept is not item:
                            value[key] = item = kept
                        if len(problems) != before:
                            _prefix(problems, before, key)
                    elif type(item) is not plain:
                        raise DecodeError(_json_name(item), "string" if plain is str else "bool")
                    if item != droppable:
                        continue
                if drop is None:
                    drop = [key]
                else:
                    drop.append(key)
        except DecodeError as error:
            raise error.inside(name, key) from None
        if drop is not None:
            for key in drop:
                del value[key]
        for key, make in always:
            if key not in value:
                value[key] = make()
        return value

    return run


def _always(schema: Schema) -> Callable[[], Any]:
    if schema.kind is model.QUANTITY:
        return lambda: "0"
    program = program_of(schema)
    return lambda: program({}, [])


def _empty_struct(schema: Schema) -> Program:
    """A struct without fields, or free-form JSON that must be an object."""

    def run(value: Any, problems: list[str]) -> Any:
        if type(value) is not dict:
            raise DecodeError(_json_name(value), schema.name or "map[string]interface {}")
        return value

    return run


def _prefix(problems: list[str], start: int, key: str) -> None:
    for i in range(start, len(problems)):
        below = problems[i]
        problems[i] = key + below if below.startswith("[") else f"{key}.{below}"


def _map(schema: Schema) -> Program:
    item_schema = schema.item or model.FREE
    plain = _PYTHON_TYPES.get(item_schema.kind)
    go_name = _go_type(schema)

    def run(value: Any, problems: list[str]) -> Any:
        if type(value) is not dict:
            raise DecodeError(_json_name(value), go_name)
        program = program_of(item_schema)
        for key, item in value.items():
            if type(item) is plain:
                continue
            if item is None:
                value[key] = _zero_of(item_schema)
                continue
            before = len(problems)
            kept = program(item, problems)
            if kept is not item:
                value[key] = kept
            if len(problems) != before:
                _prefix(problems, before, key)
        return value

    return run


def _list(schema: Schema) -> Program:
    item_schema = schema.item or model.FREE
    plain = _PYTHON_TYPES.get(item_schema.kind)
    go_name = _go_type(schema)

    def run(value: Any, problems: list[str]) -> Any:
        if type(value) is not list:
            raise DecodeError(_json_name(value), go_name)
        program = program_of(item_schema)
        for i, item in enumerate(value):
            if type(item) is plain:
                continue
            if item is None:
                value[i] = _zero_of(item_schema)
                continue
            before = len(problems)
            kept = program(item, problems)
            if kept is not item:
                value[i] = kept
            if len(problems) != before:
                _prefix(problems, before, f"[{i}]")
        return value

    return run


def _zero_of(schema: Schema) -> Any:
    """What null stands for inside a list or map."""
    if schema.kind in (model.OBJECT, model.MAP):
        return program_of(schema)({}, [])
    if schema.kind is model.LIST:
        return []
    return _ZERO.get(schema.kind)


def _string(value: Any, problems: list[str]) -> Any:
    if type(value) is not str:
        raise DecodeError(_json_name(value), "string")
    return value


def _bool(value: Any, problems: list[str]) -> Any:
    if type(value) is not bool:
        raise DecodeError(_json_name(value), "bool")
    return value


def _integer(bits: int) -> Program:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    want = f"int{bits}"

    def run(value: Any, problems: list[str]) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        if type(value) is float and value.is_integer() and low <= value <= high:
            return int(value)
        if type(value) in (int, float):
            raise DecodeError(f"number {value}", want)
        raise DecodeError(_json_name(value), want)

    return run


def _number(value: Any, problems: list[str]) -> Any:
    if type(value) not in (int, float):
        raise DecodeError(_json_name(value), "float64")
    return value


def _int_or_string(value: Any, problems: list[str]) -> Any:
    if type(value) is str or (type(value) is int and -(1 << 31) <= value < 1 << 31):
        return value
    raise DecodeError(f"number {value}" if type(value) in (int, float) else _json_name(value), "int32")


def _quantity(value: Any, problems: list[str]) -> Any:
    if type(value) not in (str, int, float):
        raise DecodeError(_json_name(value), "", "quantities must be numbers or strings")
    try:
        return quantity.canonical(value)
    except ValueError:
        text = f"quantities must match the regular expression '{QUANTITY_FORM}'"
        raise DecodeError("", "", text) from None


def _time(value: Any, problems: list[str]) -> Any:
    if type(value) is str and _ZULU.fullmatch(value):
        return value
    return times.rfc3339(_seconds(value))


def _micro_time(value: Any, problems: list[str]) -> Any:
    if type(value) is str and _ZULU_MICRO.fullmatch(value):
        return value
    return times.rfc3339_micro(_seconds(value))


def _seconds(value: Any) -> float:
    if type(value) is not str:
        raise DecodeError(_json_name(value), "string")
    try:
        return times.parse_time(value)
    except ValueError:
        text = f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse it'
        raise DecodeError("", "", text) from None


def _bytes(value: Any, problems: list[str]) -> Any:
    if type(value) is not str:
        raise DecodeError(_json_name(value), "[]uint8")
    text = value.replace("\n", "").replace("\r", "") if "\n" in value or "\r" in value else value
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise DecodeError("", "", f"illegal base64 data at input byte {_bad_byte(text)}") from None
    return text


def _bad_byte(text: str) -> int:
    """Where base64 stops making sense: the first foreign character, or the end."""
    match = re.match(r"[A-Za-z0-9+/]*", text)
    good = match.end() if match else 0
    return good if good < len(text.rstrip("=")) else max(0, len(text) - len(text) % 4)


def _any(value: Any, problems: list[str]) -> Any:
    return value


_SCALAR_PROGRAMS: dict[str, Program] = {
    model.STRING: _string,
    model.BOOL: _bool,
    model.INT32: _integer(32),
    model.INT64: _integer(64),
    model.NUMBER: _number,
    model.INT_OR_STRING: _int_or_string,
    model.QUANTITY: _quantity,
    model.TIME: _time,
    model.MICRO_TIME: _micro_time,
    model.BYTES: _bytes,
    model.ANY: _any,
}

_GO_SCALARS = {
    model.STRING: "string",
    model.BOOL: "bool",
    model.INT32: "int32",
    model.INT64: "int64",
    model.NUMBER: "float64",
    model.BYTES: "[]uint8",
    model.QUANTITY: "resource.Quantity",
    model.INT_OR_STRING: "intstr.IntOrString",
    model.TIME: "v1.Time",
    model.MICRO_TIME: "v1.MicroTime",
    model.ANY: "interface {}",
}


def _go_type(schema: Schema) -> str:
    """The Go type as error texts name it: `[]v1.Container`, `map[string]string`."""
    if schema.kind is model.LIST:
        return f"[]{_go_type(schema.item or model.FREE)}"
    if schema.kind is model.MAP:
        return f"map[string]{_go_type(schema.item or model.FREE)}"
    return schema.name or _GO_SCALARS.get(schema.kind, "map[string]interface {}")


def _json_name(value: Any) -> str:
    """How Go's decoder names a JSON value of the wrong type."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
