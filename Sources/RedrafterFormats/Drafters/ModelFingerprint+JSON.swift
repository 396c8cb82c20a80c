import RedrafterCore

extension ModelFingerprint {
    /// The fingerprint as an object of a manifest or configuration.
    public var json: JSONValue { DrafterRecord(fingerprint: self, notes: []).json?["fingerprint"] ?? .null }

    /// Reads the member `fingerprint` of an object.
    /// - Parameter path: of the file, for errors.
    /// - Throws: `FormatError.missingField`, `.invalid`.
    public init(memberOf json: JSONValue, path: String) throws(FormatError) {
        guard let fingerprint = try DrafterRecord(json, path: path).fingerprint else {
            throw .missingField(file: path, field: "fingerprint", expected: "the numbers of a model")
        }
        self = fingerprint
    }
}
