import Redrafter
import RedrafterFormats

extension SpeculationOptions {
    /// A file of weights that was named and is not there is an error, also where no drafter of the run would read it: whoever
    /// names one means it to be used.
    /// - Throws: `FormatError.missing`, `.permission`.
    func requireDrafterFiles() throws(FormatError) {
        if let path = drafterOptions.path { _ = try FileKind(path) }
        for path in drafterPaths.values.sorted() { _ = try FileKind(path) }
    }
}
