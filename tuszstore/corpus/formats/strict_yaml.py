"""Safe YAML of tables: no aliases, no repeated keys, and the lines at which rows begin."""

from collections.abc import Hashable
from typing import Any

import yaml

NOT_OF_A_TAG = (ValueError, TypeError, AttributeError, LookupError, OverflowError)
"""What PyYAML raises for a value that is invalid for its tag, such as ``!!int ""``."""


class Loader(yaml.SafeLoader):
    """Safe YAML without repeated keys, and without aliases, a few of which expand to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node, which must not be an alias."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping with unique text keys."""
        keys = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in keys:
                raise yaml.MarkedYAMLError(
                    problem="a key that is repeated or not text",
                    problem_mark=key_node.start_mark,
                )
            keys.add(key)
        return super().construct_mapping(node, deep)


def lines_of_rows(root: yaml.Node | None) -> list[int]:
    """Return the lines at which the rows begin."""
    if not isinstance(root, yaml.MappingNode):
        return []
    return [
        row.start_mark.line + 1
        for key, value in root.value
        if key.value == "rows" and isinstance(value, yaml.SequenceNode)
        for row in value.value
    ]
