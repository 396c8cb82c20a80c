/// The name of one part of a model in several files: `model-00002-of-00003.gguf`.
public struct SplitName: Sendable, Hashable {
    /// What stands before the numbers, with the folder.
    public var prefix: String
    /// From 1.
    public var number: Int
    public var count: Int
    /// `.gguf` or `.safetensors`.
    public var ending: String

    /// Reads a name or a path; nil for names of whole files.
    public init?(_ path: String) {
        guard let ending = [".gguf", ".safetensors"].first(where: { path.utf8.ends(with: $0.utf8) }) else {
            return nil
        }
        let stem = path.utf8.dropLast(ending.utf8.count)
        // "-00002-of-00003"
        let numbers = Array(stem.suffix(15))
        guard numbers.count == 15, numbers[0] == UInt8(ascii: "-"),
            numbers[6..<10].elementsEqual("-of-".utf8),
            let number = Self.number(numbers[1..<6]), let count = Self.number(numbers[10..<15]),
            (1...count).contains(number)
        else { return nil }
        prefix = String(decoding: stem.dropLast(15), as: UTF8.self)
        self.number = number
        self.count = count
        self.ending = ending
    }

    /// The path of another part.
    public func path(ofPart number: Int) -> String {
        "\(prefix)-\(Self.digits(number))-of-\(Self.digits(count))\(ending)"
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value > 0 ? value : nil
    }

    private static func digits(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
}

extension Sequence where Element == UInt8 {
    fileprivate func ends(with ending: some Collection<UInt8>) -> Bool {
        Array(self).suffix(ending.count).elementsEqual(ending)
    }
}
