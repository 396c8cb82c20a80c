import RedrafterCore

extension VulkanBackend {
    /// Multiplies 1…16 rows by a small matrix, bit for bit the same for every number of rows, and right within the error of
    /// sums in single precision.
    /// - Returns: why the device cannot be used; nil where it can.
    /// - Throws: what the device throws.
    func check(_ options: Options) throws(BackendError) -> BackendError? {
        let (rows, columns, outputs) = (options.checkedRows, 96, 40)
        // q8_0: a half as the scale of 32 signed bytes.
        var bytes = [UInt8]()
        var expectedWeights = [Float]()
        for block in 0..<outputs * columns / 32 {
            bytes += [0x00, block % 2 == 0 ? 0x20 : 0x24]
            for index in 0..<32 {
                let number = Int8(truncatingIfNeeded: (block * 31 + index) * 37)
                bytes.append(UInt8(bitPattern: number))
                expectedWeights.append(Float(number) * (block % 2 == 0 ? 0x1p-7 : 0x1p-6))
            }
        }
        if options.isPoisoned { bytes[2] ^= 64 }
        let inputs = (0..<rows * columns).map { Float(($0 * 7919) % 257 - 128) / 61 }
        var made: Result<any WeightHandle, BackendError> = .failure(.nonFinite(what: "weights"))
        bytes.withUnsafeBytes { bytes in
            made = Result { () throws(BackendError) in
                try makeWeight(type: .q8_0, rows: outputs, columns: columns, bytes: bytes)
            }
        }
        let weight = try made.get()
        let stream = makeStream()
        var alone = [[Float]]()
        for count in 1...rows {
            // The last rows, so that a row has another place in each batch.
            let first = rows - count
            let input = try makeTensor(
                rows: count, columns: columns, values: Array(inputs[(first * columns)...]))
            let output = try makeTensor(rows: count, columns: outputs)
            stream.linear(input, weight: weight, into: output)
            let got = try stream.withValues(output) { values in
                (0..<count).map { Array(values[($0 * outputs)..<(($0 + 1) * outputs)]) }
            }
            alone.insert(got[0], at: 0)
            for row in 0..<count where got[row].map(\.bitPattern) != alone[row].map(\.bitPattern) {
                return refusal("row \(first + row) differs when \(count) rows are computed")
            }
        }
        for (row, values) in alone.enumerated() {
            for (output, value) in values.enumerated() {
                var (sum, scale) = (0.0, 0.0)
                for column in 0..<columns {
                    let product =
                        Double(inputs[row * columns + column])
                        * Double(expectedWeights[output * columns + column])
                    sum += product
                    scale += abs(product)
                }
                guard abs(Double(value) - sum) <= 1e-5 * scale else {
                    return refusal("output \(output) of row \(row) is \(value) in place of \(sum)")
                }
            }
        }
        return nil
    }

    private func refusal(_ reason: String) -> BackendError {
        .deviceUnavailable(
            name: device.description.name, reason: "a product of matrices is wrong at start: \(reason)")
    }
}
