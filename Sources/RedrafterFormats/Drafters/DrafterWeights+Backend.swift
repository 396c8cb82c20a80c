import RedrafterCore

extension DrafterWeights {
    /// A matrix in the backend's layout.
    /// - Throws: `DrafterError.backend` where the backend does not know the type, or has no memory for it.
    public func matrix(
        _ role: DrafterRole, on backend: any ComputeBackend
    ) throws(DrafterError) -> any WeightHandle {
        let tensor = self[role]
        if case .unsupported(let reason) = backend.support(.linear, tensor.type) {
            throw .backend(
                .unsupported(operation: "drafting", type: tensor.type.name, reason: reason))
        }
        do throws(BackendError) {
            return try tensor.withBytes { bytes throws(BackendError) in
                try backend.makeWeight(
                    type: tensor.type, rows: tensor.rows, columns: tensor.columns, bytes: bytes)
            }
        } catch {
            throw .backend(error)
        }
    }

    /// A bias as a row. `[1, elements]`
    /// - Throws: `DrafterError.backend`.
    public func bias(_ role: DrafterRole, on backend: any ComputeBackend) throws(DrafterError) -> Tensor {
        let values = self[role].values
        return try wrapping(
            DrafterError.backend, try backend.makeTensor(rows: 1, columns: values.count, values: values))
    }
}
