import Redrafter
import RedrafterFormats

extension SpeculationOptions {
    /// Takes weights that were named: a path, or NAME=PATH for one of several drafters.
    /// - Throws: `CommandFailure`, `FormatError` where there is no such file.
    mutating func addDrafterFiles(_ arguments: [String]) throws {
        let names = Plugins.current.registry.drafters.map(\.name)
        for argument in arguments {
            if let name = names.first(where: { argument.hasPrefix($0 + "=") }) {
                drafterPaths[name] = try ModelLocation.path(String(argument.dropFirst(name.count + 1)))
            } else {
                drafterOptions.path = try ModelLocation.path(argument)
            }
        }
        try requireDrafterFiles()
    }

    /// A file of weights that was named and is not there is an error, also where no drafter of the run would read it: whoever
    /// names one means it to be used.
    /// - Throws: `FormatError.missing`, `.permission`.
    func requireDrafterFiles() throws(FormatError) {
        if let path = drafterOptions.path { _ = try FileKind(path) }
        for path in drafterPaths.values.sorted() { _ = try FileKind(path) }
    }
}
