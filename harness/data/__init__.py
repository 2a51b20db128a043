"""What dataset authors share: published files, images kept on a device, factors of incomplete grids.

files           published files: where they are looked for; decoded copies of them
download        fetching published files from one of their addresses
progress_bar    a progress bar for what takes long
images          images and labels kept on the device where models train
factor_table    ground-truth factors of observations that are no complete grid
column_files    CSV and Parquet files of factors, or of codes
tables          tables of factors as people have them, made into a grid or a table
checks          what a dataset promises of its images and labels, and whether it keeps that
held_out        which images are trained on, and which are held out
training_images a suite's `[dataset.training]`: correlations, forbidden combinations, splits by factor
"""

from typing import TYPE_CHECKING

from harness._exports import lazily

if TYPE_CHECKING:
    from harness.data.checks import check_batch as check_batch
    from harness.data.checks import image_problem as image_problem
    from harness.data.checks import label_problem as label_problem
    from harness.data.column_files import FILE as FILE
    from harness.data.column_files import factor_columns as factor_columns
    from harness.data.column_files import place_of as place_of
    from harness.data.column_files import read_columns as read_columns
    from harness.data.factor_table import FactorTable as FactorTable
    from harness.data.files import DataFile as DataFile
    from harness.data.files import DecodedArrays as DecodedArrays
    from harness.data.files import cached as cached
    from harness.data.files import data_root as data_root
    from harness.data.files import decoded as decoded
    from harness.data.files import may_download as may_download
    from harness.data.files import missing as missing
    from harness.data.files import wrong_format as wrong_format
    from harness.data.held_out import split_held_out as split_held_out
    from harness.data.images import BitStore as BitStore
    from harness.data.images import ImageStore as ImageStore
    from harness.data.images import StoredImages as StoredImages
    from harness.data.images import StoredLabels as StoredLabels
    from harness.data.images import pack as pack
    from harness.data.images import to_float as to_float
    from harness.data.progress_bar import progress as progress
    from harness.data.tables import as_table as as_table
    from harness.data.tables import factors_of as factors_of
    from harness.storage.atomic import locked as locked
    from harness.storage.atomic import write_whole as write_whole
    from harness.storage.tensors import load_tensors as load_tensors
    from harness.storage.tensors import save_tensors as save_tensors

__all__, __getattr__ = lazily(
    __name__,
    {
        "harness.data.checks": ("check_batch", "image_problem", "label_problem"),
        "harness.data.column_files": (
            "factor_columns",
            "FILE",
            "place_of",
            "read_columns",
        ),
        "harness.data.factor_table": ("FactorTable",),
        "harness.data.files": (
            "cached",
            "data_root",
            "DataFile",
            "decoded",
            "DecodedArrays",
            "may_download",
            "missing",
            "wrong_format",
        ),
        "harness.data.held_out": ("split_held_out",),
        "harness.data.images": (
            "BitStore",
            "ImageStore",
            "pack",
            "StoredImages",
            "StoredLabels",
            "to_float",
        ),
        "harness.data.progress_bar": ("progress",),
        "harness.data.tables": ("as_table", "factors_of"),
        "harness.storage.atomic": (
            "locked",
            "write_whole",
        ),
        "harness.storage.tensors": (
            "load_tensors",
            "save_tensors",
        ),
    },
)


def __dir__() -> list[str]:
    return list(__all__)
