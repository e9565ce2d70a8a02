"""`python -m samples`: make the six sample feeds in a directory."""

from pathlib import Path

import click

from samples.make import MANIFEST, FeedManifest, make_samples


def _told(manifest: FeedManifest) -> str:
    """One line: `sales_data.csv  1,000 records  Price: 46 missing, 260 negative; Quantity: ...`."""
    columns = []
    for column, kinds in manifest["dirt"].items():
        counts = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in kinds.items())
        columns.append(f"{column}: {counts}")
    return f"{manifest['file']:<20}  {manifest['records']:,} records  {'; '.join(columns) or 'clean'}"


@click.command()
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same bytes.")
@click.option("--records", type=click.IntRange(min=1), default=1000, show_default=True, help="Records per feed.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Directory, made if missing."
)
@click.option("--clean", is_flag=True, help="Feeds without any dirt, whose sales and transactions agree.")
def main(seed: int, records: int, out: Path, clean: bool) -> None:
    """Make the six feeds, and manifest.json with the exact count of each kind of dirt.

    \b
    Examples:
      python -m samples --out .xtage/samples
      python -m samples --seed 11 --records 5000000 --out /tmp/large
    """
    try:
        make_samples(out, seed=seed, records=records, clean=clean, on_feed=lambda _, made: click.echo(_told(made)))
    except OSError as problem:
        raise click.ClickException(f"cannot write the feeds: {problem}") from problem
    click.echo(f"Wrote the feeds and {MANIFEST} to {out}.")


if __name__ == "__main__":
    main()
