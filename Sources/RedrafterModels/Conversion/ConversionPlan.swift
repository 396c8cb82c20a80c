import RedrafterCore
import RedrafterFormats

/// The tensors of an output file: where each comes from and what it becomes.
struct ConversionPlan {
    /// Type of the matrices.
    let type: WeightType
    private var items = [Item]()
    private var fallbacks = [(name: String, columns: Int)]()

    init(type: WeightType) { self.type = type }

    private struct Item {
        var name: String
        var source: Source
        var shape: [Int]
        var type: WeightType
        /// What is added to every element.
        var offset: Float = 0
        /// Heads whose rows change from halves to neighbouring pairs.
        var pairedHeads: Int?

        /// A vector whose elements change places is a matrix of one column.
        var columns: Int { shape.count == 1 && pairedHeads != nil ? 1 : shape[shape.count - 1] }
        var rows: Int { shape.reduce(1, *) / max(columns, 1) }
        var rowBytes: Int { type.rowBytes(columns: columns) ?? 0 }
    }

    private enum Source {
        case view(TensorView)
        case values([Float])
    }

    /// A tensor of a file. Vectors become F32; rows that are no multiple of the type's block become F16.
    mutating func add(name: String, _ view: TensorView, offset: Float = 0, pairedHeads: Int? = nil) {
        let columns = view.shape.last ?? 1
        var chosen = type
        if view.shape.count < 2 {
            chosen = .f32
        } else if columns % type.blockLength != 0 {
            chosen = .f16
            fallbacks.append((name, columns))
        }
        items.append(
            Item(
                name: name, source: .view(view), shape: view.shape, type: chosen, offset: offset,
                pairedHeads: pairedHeads))
    }

    /// A vector of our own, as F32.
    mutating func add(name: String, _ values: [Float]) {
        items.append(Item(name: name, source: .values(values), shape: [values.count], type: .f32))
    }

    /// Declares and writes everything, then completes the file.
    func write(
        to writer: GGUFWriter, _ progress: (Int, Int) -> Void
    ) throws(FormatError) -> ModelConverter.Report {
        for item in items { try writer.declare(item.name, type: item.type, shape: item.shape) }
        let total = items.reduce(0) { $0 + $1.rows * $1.rowBytes }
        var done = 0
        var damage = ConversionDamage()
        for item in items {
            switch item.source {
            case .values(let values):
                try values.withUnsafeBufferPointer { (values) throws(FormatError) in
                    try writer.append(UnsafeRawBufferPointer(values))
                }
                done += item.rowBytes
            case .view(let view):
                var piece = PieceConverter(
                    view: view, type: item.type, columns: item.columns, offset: item.offset)
                var row = 0
                while row < item.rows {
                    let count = min(piece.rows, item.rows - row)
                    try piece.convert(rows: row..<row + count) { Self.sourceRow($0, item) }
                    try piece.withOutput(rows: count) { (bytes) throws(FormatError) in
                        try writer.append(bytes)
                    }
                    row += count
                    done += count * item.rowBytes
                    progress(done, total)
                }
                damage.record(piece, of: item.name)
                view.file.release(offset: view.offset, count: view.byteCount)
            }
        }
        try writer.finish()
        return ModelConverter.Report(
            tensors: items.count, weightBytes: total, warnings: warnings + damage.warnings(type))
    }

    /// The row of the source that becomes this one. Rotary pairs of a head of size d are rows (i, i + d/2) in
    /// Hugging Face checkpoints and rows (2i, 2i + 1) in GGUF files of llama.
    private static func sourceRow(_ row: Int, _ item: Item) -> Int {
        guard let heads = item.pairedHeads else { return row }
        let size = item.rows / heads
        let within = row % size
        return row - within + within % 2 * (size / 2) + within / 2
    }

    private var warnings: [String] {
        var result = [String]()
        if let first = fallbacks.first {
            result.append(
                "\(fallbacks.count) tensors are stored as f16, for their rows are no multiple of "
                    + "\(type.blockLength) elements: \(list(fallbacks.map(\.name))) (\(first.columns))")
        }
        let quantised = Set(
            items.compactMap { item -> String? in
                guard case .view(let view) = item.source, !view.type.isFloat, view.type != item.type else {
                    return nil
                }
                return view.type.name
            })
        if !quantised.isEmpty, !type.isFloat {
            result.append(
                "weights that were already quantised (\(quantised.sorted().joined(separator: ", "))) are quantised "
                    + "again, which adds to their error; convert from the float model where there is one")
        }
        return result
    }
}

/// The first three of many names, escaped.
private func list(_ names: [String]) -> String {
    names.prefix(3).map { TerminalText.escaped($0, limit: 64) }.joined(separator: ", ")
        + (names.count > 3 ? ", …" : "")
}

/// Values that did not survive a conversion, by tensor.
private struct ConversionDamage {
    private var nonFinite = [String]()
    private var nonFiniteCount = 0
    private var beyondRange = [String]()
    private var beyondRangeCount = 0

    mutating func record(_ piece: PieceConverter, of name: String) {
        if piece.nonFinite > 0 {
            nonFinite.append(name)
            nonFiniteCount += piece.nonFinite
        }
        if piece.beyondRange > 0 {
            beyondRange.append(name)
            beyondRangeCount += piece.beyondRange
        }
    }

    func warnings(_ type: WeightType) -> [String] {
        var result = [String]()
        if nonFiniteCount > 0 {
            result.append("\(nonFiniteCount) weights are NaN or infinite, in \(list(nonFinite))")
        }
        if beyondRangeCount > 0 {
            result.append(
                "\(beyondRangeCount) weights exceed what \(type.name) can hold and became infinite, in \(list(beyondRange))"
            )
        }
        return result
    }
}

/// Converts some rows of a tensor at a time.
private struct PieceConverter {
    /// Elements decoded at a time.
    private static let elements = 1 << 20

    private let view: TensorView
    private let type: WeightType
    private let columns: Int
    private let offset: Float
    private let sourceRowBytes: Int
    private let rowBytes: Int
    /// The largest magnitude whose scale (or value) is finite in half precision.
    private let limit: Float
    private var values: [Float]
    private var output: [UInt8]
    private(set) var nonFinite = 0
    private(set) var beyondRange = 0

    /// Rows of a piece, at least one.
    let rows: Int

    init(view: TensorView, type: WeightType, columns: Int, offset: Float) {
        self.view = view
        self.type = type
        self.columns = columns
        self.offset = offset
        sourceRowBytes = view.type.rowBytes(columns: columns) ?? 0
        rowBytes = type.rowBytes(columns: columns) ?? 0
        let allRows = view.shape.reduce(1, *) / max(columns, 1)
        rows = max(1, min(allRows, Self.elements / max(1, columns)))
        values = [Float](repeating: 0, count: rows * columns)
        output = [UInt8](repeating: 0, count: rows * rowBytes)
        limit = Quantization.largestMagnitude(of: type)
    }

    /// Fills the output with these rows, each taken from the row `source` gives.
    mutating func convert(rows range: Range<Int>, source: (Int) -> Int) throws(FormatError) {
        let (view, columns, sourceRowBytes) = (view, columns, sourceRowBytes)
        let bytes = UnsafeRawBufferPointer(
            rebasing: view.file.bytes[view.offset..<view.offset + view.byteCount])
        func sourceBytes(_ row: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[row * sourceRowBytes..<(row + 1) * sourceRowBytes])
        }
        if view.type == type, offset == 0 {
            output.withUnsafeMutableBytes { target in
                for row in range {
                    let from = sourceBytes(source(row))
                    let start = (row - range.lowerBound) * sourceRowBytes
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<start + sourceRowBytes])
                        .copyMemory(from: from)
                }
            }
            return
        }
        let count = range.count * columns
        values.withUnsafeMutableBufferPointer { target in
            for row in range {
                let start = (row - range.lowerBound) * columns
                Quantization.dequantize(
                    type: view.type, bytes: sourceBytes(source(row)),
                    into: UnsafeMutableBufferPointer(rebasing: target[start..<start + columns]))
            }
            if offset != 0 {
                for index in 0..<count { target[index] += offset }
            }
        }
        let type = type
        let size = range.count * rowBytes
        let limit = limit
        (nonFinite, beyondRange) = values.withUnsafeBufferPointer { values in
            var (odd, large) = (nonFinite, beyondRange)
            for index in 0..<count {
                let magnitude = abs(values[index])
                if !(magnitude < .infinity) { odd += 1 } else if magnitude > limit { large += 1 }
            }
            return (odd, large)
        }
        try output.withUnsafeMutableBufferPointer { (target) throws(FormatError) in
            try values.withUnsafeBufferPointer { (values) throws(FormatError) in
                try Quantization.quantize(
                    type: type, values: UnsafeBufferPointer(rebasing: values[0..<count]),
                    into: UnsafeMutableRawBufferPointer(
                        UnsafeMutableBufferPointer(rebasing: target[0..<size])))
            }
        }
    }

    func withOutput(rows: Int, _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Void)
        throws(FormatError)
    {
        let size = rows * rowBytes
        try output.withUnsafeBufferPointer { (bytes) throws(FormatError) in
            try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[0..<size])))
        }
    }
}
