"""Gathers the records of log and label files by user."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from ingestion.channel_columns import ChannelColumn
from ingestion.config import Columns, Task, TimestampUnit
from ingestion.gathering import way_of
from ingestion.pieces import Piece, pieces_of
from ingestion.reading import PieceReader, of_whole_file
from ingestion.rows import EventRows, LabelRows
from ingestion.spill import Batches, ShuffleBuffer, SpillWriter, write_shuffled
from ingestion.timestamp_units import AUTO

_READ = "read"


class GatherByUser(beam.PTransform):
    """Divides the users over buckets, of which one fits in memory.

    The records go through the runner's shuffle; on Beam's local runners, which keep in memory all
    that passes through a GroupByKey, through files (`ingestion.gathering`).

    Args:
        columns: Names of the columns.
        tasks: Name -> task; empty if there are no label files.
        num_buckets: Number of buckets, at least 1.
        folder: Where to put files; every worker must reach it.
        timestamp_unit: What numbers are, or that it is told by each file's whole column.
        html_entities: Whether HTML entities in texts become characters.
        in_files: Whether the buckets are to lie in files, whatever way they came together.
        channels: What is read of events besides the texts, as in `data.channels`.
    """

    def __init__(
        self,
        columns: Columns,
        tasks: Mapping[str, Task],
        num_buckets: int,
        folder: str,
        timestamp_unit: TimestampUnit = AUTO,
        html_entities: bool = False,
        in_files: bool = False,
        channels: Iterable[str] = (),
    ):
        super().__init__()
        events, labels = EventRows(columns, html_entities, channels), LabelRows(columns, tasks)
        self._reader = PieceReader(events, labels, timestamp_unit)
        self._channels = events.others
        self._num_buckets = num_buckets
        self._folder = folder
        self._in_files = in_files

    # Beam warns of an annotation of two outputs, and makes no use of it.
    @beam.typehints.no_annotations  # type: ignore[untyped-decorator]
    def expand(self, files: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Reads the files.

        Args:
            files: `InputFile` each.

        Returns:
            The buckets, (bucket, iterable of what `spill.read_users` takes), and the `Statistics`
            of each file.
        """
        through_files = way_of(files.pipeline.options) == "files"
        read_piece = (
            _ToFiles(self._reader, self._num_buckets, self._channels, self._folder)
            if through_files
            else _ToShuffle(self._reader, self._num_buckets, self._channels)
        )
        records, read = (
            files
            | "DistributeFiles" >> beam.Reshuffle()
            | "Divide" >> beam.FlatMap(pieces_of)
            | "DistributePieces" >> beam.Reshuffle()
            | "ReadPiece" >> beam.ParDo(read_piece).with_outputs(_READ, main="records")
        )
        buckets = records | "GroupByBucket" >> beam.GroupByKey()
        if self._in_files and not through_files:
            write_bucket = _WriteBucket(self._folder, self._channels)
            buckets = buckets | "WriteBucket" >> beam.ParDo(write_bucket)
        return buckets, read | "Files" >> _OfFiles()


class _ToFiles(beam.DoFn):
    """Writes the records of a piece of a file by bucket, and says where they are."""

    def __init__(
        self,
        reader: PieceReader,
        num_buckets: int,
        channels: Sequence[ChannelColumn],
        folder: str,
    ):
        self._reader = reader
        self._num_buckets = num_buckets
        self._channels = channels
        self._folder = folder

    def process(self, piece: Piece) -> Iterable[Any]:
        # Beam may read a piece twice; both attempts must be able to write.
        path = FileSystems.join(self._folder, f"{piece.file.index:06d}-{uuid.uuid4().hex}.arrow")
        writer = SpillWriter(path, self._num_buckets, self._channels)
        try:
            for read in self._reader(piece, writer):
                if read is not None:
                    yield beam.pvalue.TaggedOutput(_READ, read)
        finally:
            spilled = writer.close()
        yield from spilled.items()


class _ToShuffle(beam.DoFn):
    """Passes the records of a piece of a file on, by bucket."""

    def __init__(self, reader: PieceReader, num_buckets: int, channels: Sequence[ChannelColumn]):
        self._reader = reader
        self._num_buckets = num_buckets
        self._channels = channels

    def process(self, piece: Piece) -> Iterable[Any]:
        buffer = ShuffleBuffer(self._num_buckets, self._channels)
        for read in self._reader(piece, buffer):
            if read is not None:
                yield beam.pvalue.TaggedOutput(_READ, read)
                buffer.flush()
            yield from buffer.take()


class _WriteBucket(beam.DoFn):
    """Writes what a shuffle brought of a bucket to a file, and says where it is."""

    def __init__(self, folder: str, channels: Sequence[ChannelColumn]):
        self._folder = folder
        self._channels = channels

    def process(self, bucket: tuple[int, Iterable[bytes]]) -> Iterable[tuple[int, list[Batches]]]:
        number, records = bucket
        # Beam may write a bucket twice.
        path = FileSystems.join(self._folder, f"bucket-{number:05d}-{uuid.uuid4().hex}.arrow")
        yield number, [write_shuffled(path, records, self._channels)]


class _OfFiles(beam.PTransform):
    """Adds up what was read of each file, `PieceRead`, to its `Statistics`."""

    def expand(self, read: beam.PCollection) -> beam.PCollection:
        return (
            read
            | "ByFile" >> beam.Map(lambda piece: (piece.file.index, piece))
            | "GroupByFile" >> beam.GroupByKey()
            | "PiecesOfFile" >> beam.Values()
            | "OfWholeFile" >> beam.Map(of_whole_file)
        )
