# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What the inventory plugins share: hosts of clusters, named by an expression, with groups and variables composed of what is known of them."""

from __future__ import annotations

import typing as t
from fnmatch import fnmatchcase

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.unsafe_proxy import wrap_var

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 every text was taken for a template

    def trust_as_template(value: str) -> str:
        """The text itself."""
        return value


Variables = dict[str, t.Any]


class ClusterInventory(BaseInventoryPlugin, Constructable):
    """An inventory of clusters. What was found is data: where it looks like a template it does not become one."""

    def wants(self, name: str) -> bool:
        """Whether options ``include`` and ``exclude`` choose a cluster of this name."""

        def matches(option: str) -> bool:
            return any(fnmatchcase(name, pattern) for pattern in self.get_option(option))

        return matches("include") and not matches("exclude")

    def add(
        self, found: t.Iterable[Variables], described: t.Callable[[Variables], str], templates: t.Mapping[str, str]
    ) -> None:
        """Adds a host for each cluster with its variables, and with the same ``templates`` over these.

        Raises AnsibleParserError where the name of a host cannot be had, or is not the only one; ``described`` says which cluster.
        """
        for host, variables in self._named(found, described).items():
            self.inventory.add_host(host)
            for name, value in variables.items():
                self.inventory.set_variable(host, name, wrap_var(value))
            for name, template in templates.items():
                self.inventory.set_variable(host, name, trust_as_template(template))
            strict = self.get_option("strict")
            self._set_composite_vars(self.get_option("compose"), wrap_var(variables), host, strict=strict)
            known = self.inventory.get_host(host).get_vars()
            self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)

    def _named(self, found: t.Iterable[Variables], described: t.Callable[[Variables], str]) -> dict[str, Variables]:
        named: dict[str, Variables] = {}
        for variables in found:
            expression, this = self.get_option("hostname"), described(variables)
            try:
                host = to_text(self._compose(expression, wrap_var(variables)), nonstring="empty")
            except AnsibleError as error:
                raise AnsibleParserError(f"Option hostname cannot be worked out for {this}: {error}.") from None
            if not host:
                raise AnsibleParserError(f"Option hostname ({expression}) gives no name for {this}.")
            if host in named:
                raise AnsibleParserError(
                    f"Both {described(named[host])} and {this} would be host {host}: "
                    "exclude one of them, or tell them apart with option hostname."
                )
            named[host] = variables
        return named
