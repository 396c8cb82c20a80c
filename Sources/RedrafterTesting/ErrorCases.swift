import RedrafterFormats
import RedrafterModels

/// The cases of an error and of those that it carries, such as `drafter.mismatch`; nil for none. For tests that ask what kind
/// of error it is, and not what it says.
public func caseName(of error: (any Error)?) -> String? {
    guard let error else { return nil }
    let child = Mirror(reflecting: error).children.first
    let name = child?.label ?? "\(error)"
    return (child?.value as? any Error).flatMap { caseName(of: $0) }.map { "\(name).\($0)" } ?? name
}

// What damage to a file may end in, for tests and fuzzers of readers.

extension FormatError {
    /// What the file holds is at fault; not where it lies, who may read it, or the system.
    public var isOfContent: Bool {
        switch self {
        case .wrongFormat, .truncated, .invalid, .altered, .overflow, .duplicate, .missingField, .unsupported,
            .syntax:
            true
        case .missing, .notRegular, .permission, .inputOutput, .outOfMemory, .cannotCreate, .noSpace,
            .cannotQuantize:
            false
        }
    }
}

extension TokenizerError {
    /// What the file holds is at fault.
    public var isOfContent: Bool {
        switch self {
        case .invalid, .unsupported: true
        case .format(let error): error.isOfContent
        }
    }
}

extension ModelError {
    /// What one file holds is at fault; not another one, nor the two together.
    public var isOfContent: Bool {
        switch self {
        case .missingKey, .invalidValue, .unsupported, .missingTensors: true
        case .wrongShape(let file, _, _, _, let configuration): file == configuration
        case .tokenizer(let error): error.isOfContent
        case .format(let error): error.isOfContent
        case .mismatch, .outputIsInput: false
        }
    }
}
