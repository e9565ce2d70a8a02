"""The option with which a command takes parameters of the root template in place of the stage's."""

from __future__ import annotations

import click


def _pairs(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for text, (_, separator, _) in zip(given, pairs, strict=True):
        if not separator:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", context, option)
    return {name: value for name, _, value in pairs}


parameters_option = click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_pairs,
    help="Another value of a parameter than the stage's file has, this once; repeatable.",
)
