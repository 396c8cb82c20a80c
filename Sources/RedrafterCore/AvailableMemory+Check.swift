import RedrafterPlatform

extension AvailableMemory {
    /// Throws where `needed` (invalid where it overflowed) is more than what is available.
    /// - Throws: `BackendError.outOfMemory`.
    public static func require(_ needed: CheckedSize, for purpose: String) throws(BackendError) {
        let available = bytes()
        guard let value = needed.value, value <= available else {
            throw .outOfMemory(needed: needed.value ?? .max, available: available, purpose: purpose)
        }
    }
}
