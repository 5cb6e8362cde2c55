"""Settings with which nbconvert re-executes a notebook in place and changes nothing else."""

c = get_config()  # noqa: F821  (nbconvert gives it to this file)

c.NbConvertApp.export_format = "notebook"
c.NbConvertApp.use_output_suffix = False
c.FilesWriter.build_directory = ""

c.ExecutePreprocessor.enabled = True
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.store_widget_state = False
# Join the pieces in which a kernel happens to print, because they differ from run to run.
c.NotebookExporter.preprocessors = ["nbconvert.preprocessors.CoalesceStreamsPreprocessor"]
# Keep the kernel's name, and drop what varies, such as the version of Python.
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.clear_cell_metadata = False
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = ["kernelspec"]
