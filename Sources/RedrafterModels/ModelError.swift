import RedrafterCore
import RedrafterFormats

/// Why a well-formed file is no model that this project can run.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A hyper-parameter is missing.
    case missingKey(file: String, key: String)
    /// A hyper-parameter is out of its range or does not fit another one.
    case invalidValue(file: String, key: String, got: String, allowed: String)
    /// The architecture, or a feature of it, is unknown here.
    case unsupported(file: String, what: String, supported: String)
    /// Weights that the architecture needs are not in the file.
    case missingTensors(file: String, names: [String], count: Int)
    /// A weight has other dimensions than the hyper-parameters in `configuration` ask for.
    case wrongShape(file: String, tensor: String, got: [Int], expected: [Int], configuration: String)
    /// Two files, each valid, that do not belong together.
    case mismatch(file: String, what: String, got: String, other: String, expected: String)
    /// A conversion would overwrite its own input.
    case outputIsInput(file: String)
    /// The tokenizer cannot be read.
    case tokenizer(TokenizerError)
    /// The container itself is damaged or cannot be read.
    case format(FormatError)

    /// One sentence, with everything that came from a file escaped.
    public var description: String {
        switch self {
        case .missingKey(let file, let key):
            "\(TerminalText.escaped(file)): \(key) is missing; the file is not a complete model"
        case .invalidValue(let file, let key, let got, let allowed):
            "\(TerminalText.escaped(file)): \(key): expected \(allowed), got \(TerminalText.escaped(got))"
        case .unsupported(let file, let what, let supported):
            "\(TerminalText.escaped(file)): \(TerminalText.escaped(what)) is not supported; supported: \(supported)"
        case .missingTensors(let file, let names, let count):
            "\(TerminalText.escaped(file)): \(count == 1 ? "1 weight is" : "\(count) weights are") missing: "
                + names.map { TerminalText.escaped($0, limit: 64) }.joined(separator: ", ")
                + (count > names.count ? ", …" : "")
        case .wrongShape(let file, let tensor, let got, let expected, let configuration):
            "\(TerminalText.escaped(file)): tensor \"\(TerminalText.escaped(tensor))\": expected the shape \(expected)"
                + (file == configuration ? "" : " of \(TerminalText.escaped(configuration))")
                + ", got \(got)"
                + (got == expected.reversed() && got != expected ? ", which is transposed" : "")
        case .mismatch(let file, let what, let got, let other, let expected):
            "\(TerminalText.escaped(file)): \(what): got \(TerminalText.escaped(got)), but "
                + "\(TerminalText.escaped(other)) has \(TerminalText.escaped(expected)); the files belong to different models"
        case .outputIsInput(let file):
            "\(TerminalText.escaped(file)): the output is the input itself; choose another path"
        case .tokenizer(let error): error.description
        case .format(let error): error.description
        }
    }
}
