import RedrafterCore

/// The `config.json` of a drafter in safetensors. What it says is checked against the tensors, which know better.
public struct DrafterSettings: Sendable {
    let path: String
    let record: DrafterRecord
    /// Nil where there is no configuration, or one of something else.
    private let json: JSONValue?

    init(_ json: JSONValue?, path: String, kinds: [DrafterKind]) throws(FormatError) {
        self.path = path
        let isOwn =
            json.map { json in
                json["redrafter"] != nil || kinds.contains { $0.configuration.isDescribed(by: json) }
            } ?? false
        self.json = isOwn ? json : nil
        record = try DrafterRecord(self.json?["redrafter"], path: path)
    }

    /// A size; nil where it is not said, for which −1 and null stand, too.
    /// - Throws: `FormatError.invalid` where it is no number.
    public func size(_ key: String) throws(FormatError) -> Int? {
        guard let value = json?[key], !value.isNull else { return nil }
        let largest = DrafterSize.vocabularies.upperBound
        guard let number = value.integer, number >= -1, number <= largest else {
            throw .invalid(
                file: path, field: key, expected: "a number up to \(largest)", got: value.summary, offset: nil
            )
        }
        return number < 0 ? nil : number
    }

    /// A flag; nil where it is not said.
    /// - Throws: `FormatError.invalid` where it is none.
    public func flag(_ key: String) throws(FormatError) -> Bool? {
        guard let value = json?[key], !value.isNull else { return nil }
        guard let flag = value.bool else {
            throw .invalid(file: path, field: key, expected: "true or false", got: value.summary, offset: nil)
        }
        return flag
    }

    /// Compares a size, where it is said, with what the tensors have.
    /// - Throws: `FormatError.invalid` where they differ.
    public func check(_ key: String, against found: Int) throws(FormatError) {
        guard let stated = try size(key), stated != found else { return }
        throw .invalid(
            file: path, field: key, expected: "\(found), as the shapes of the tensors say", got: "\(stated)",
            offset: nil)
    }

    /// The error that a flag contradicts the tensors.
    public func contradiction(_ key: String, expected: String, got: String) -> FormatError {
        .invalid(file: path, field: key, expected: expected, got: got, offset: nil)
    }

    /// The `config.json` of weights in a layout.
    /// - Parameter type: of all tensors, where they have one.
    static func json<Layout: SafetensorsLayout>(
        _ weights: DrafterWeights, _ layout: Layout, _ type: WeightType?
    ) throws(FormatError) -> JSONValue {
        guard let sizes = weights.configuration as? Layout.Configuration else {
            throw .unsupported(
                file: weights.path,
                what: "a \(weights.configuration.kind.name) drafter in the layout \(layout.name)",
                supported: Layout.Configuration.kindName)
        }
        var members = try layout.configuration(sizes, of: weights).map { (ByteSlice($0.key), $0.value) }
        let name: String? =
            switch type {
            case .f32: "float32"
            case .f16: "float16"
            case .bf16: "bfloat16"
            default: nil
            }
        if let name { members.append((ByteSlice("torch_dtype"), .string(name))) }
        let record = DrafterRecord(fingerprint: weights.fingerprint, notes: weights.notes)
        if let json = record.json { members.append((ByteSlice("redrafter"), json)) }
        return .object(JSONObject(members))
    }
}
