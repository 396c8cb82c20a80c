import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

/// Ways to use the device that make the same groups of threads, and so need the same pipelines.
struct LikeMasks: Sendable, CustomTestStringConvertible {
    let tuning: VulkanDevice.Tuning
    var masks: [VulkanMask]

    /// All features, none, each one missing, and every size of subgroups, with the groups of software devices and with those
    /// of others.
    static let all: [LikeMasks] = {
        let device: VulkanDeviceDescription
        do { device = try .choose(nil, from: VulkanDeviceDescription.all()) } catch { return [] }
        let masks =
            LikeMasks.whole + VulkanFeature.allCases.map { VulkanMask(features: [$0]) }
            + VulkanMask.subgroupSizes.flatMap { size in
                [[], [VulkanFeature.serial]].map { VulkanMask(features: $0, subgroupSize: size) }
            }
        var all = [LikeMasks]()
        for mask in masks {
            let tuning = VulkanDevice.Tuning(
                device.assuming(subgroupSize: mask.subgroupSize), masked: mask.features)
            if let index = all.firstIndex(where: { $0.tuning == tuning }) {
                all[index].masks.append(mask)
            } else {
                all.append(LikeMasks(tuning: tuning, masks: [mask]))
            }
        }
        return all
    }()

    /// Those under which the whole contract is checked.
    static let whole = [VulkanMask(), VulkanMask(features: Set(VulkanFeature.allCases))]

    var testDescription: String {
        masks.map { mask in
            let names = VulkanFeature.allCases.filter(mask.features.contains).map(\.rawValue)
            let words = names + (mask.subgroupSize.map { ["subgroup\($0)"] } ?? [])
            return words.isEmpty ? "nothing" : words.joined(separator: ",")
        }.joined(separator: " · ")
    }
}

@Suite("The contract on a Vulkan device", .enabled(if: hasDevice, needsDevice))
struct ConformanceTests {
    @Test(
        "The device keeps the contract of a backend, with all of its features and with none",
        arguments: LikeMasks.whole, [nil] + WeightType.allCases)
    func conforms(masked: VulkanMask, about type: WeightType?) throws {
        // A device for each type: pipelines of the others would only take memory.
        #expect(try checkComputeBackend(ownDevice(options(masked)), about: type) == [])
    }

    @Test(
        "Every feature can be missing by itself, and subgroups can be of any size", arguments: LikeMasks.all)
    func conforms(without: LikeMasks) throws {
        let open = try openDevice()
        var checked = Set<Bool>()
        for mask in without.masks {
            let backend = try VulkanBackend(on: open, options: options(mask))
            #expect(backend.device.tuning == without.tuning)
            if let size = mask.subgroupSize {
                let (own, assumed) = (open.description, backend.deviceDescription)
                #expect(assumed.subgroupSize == size)
                #expect(assumed.hasShuffle == (own.hasShuffle && own.subgroupSize == size))
            }
            // The same groups over memory of the same kind are the same work, and under some masks all of it is done above.
            let isNew = checked.insert(backend.device.isMapped).inserted
            guard isNew, !LikeMasks.whole.contains(mask) else { continue }
            let found = try checkOperations(backend, selection())
            #expect(found.isEmpty, "\(mask): \(found.prefix(3))")
            #expect(try checkTop(backend) == [])
            #expect(try checkMoves(backend) == [])
            #expect(try checkModels(backend, types: [.q4_1]) == [])
        }
    }

    /// Cases of every operation whose threads work together.
    private func selection() -> [OpCase] {
        let kinds = ["embed", "linear q4_1", "linear q6_K", "gatedLinear q8_0", "rmsNorm", "attention"]
        let cases = OpCases.all.filter { opCase in kinds.contains { opCase.description.hasPrefix($0) } }
        #expect(cases.count > 40)
        return cases
    }

    @Test("A weight that is larger than a buffer can be is cut into parts and gives the same bits")
    func parts() throws {
        var options = options()
        options.maximumPieceBytes = 1
        let cut = try vulkan(options)
        let whole = try vulkan()
        for type in [WeightType.q4_1, .q8_0, .q6_K, .f32] {
            let got = try cut.product(type, rows: 11, columns: 256, outputs: 97)
            let expected = try whole.product(type, rows: 11, columns: 256, outputs: 97)
            #expect(got.map(\.bitPattern) == expected.map(\.bitPattern), "\(type.name)")
        }
    }

    @Test(
        "A gated layer gives the bits of its parts, in one dispatch and where its weights are of two types",
        arguments: [WeightType.q4_1, .q8_0], [1, 11])
    func gated(upType: WeightType, rows: Int) throws {
        let backend = try vulkan()
        let (columns, outputs) = (96, 40)
        var random = SeededRandom(seed: 8)
        func weight(_ type: WeightType) throws -> any WeightHandle {
            try randomWeight(type, rows: outputs, columns: columns, using: &random).withUnsafeBytes {
                try backend.makeWeight(type: type, rows: outputs, columns: columns, bytes: $0)
            }
        }
        let (gate, up) = (try weight(.q4_1), try weight(upType))
        let input = try backend.makeTensor(
            rows: rows, columns: columns,
            values: (0..<rows * columns).map { _ in Float.random(in: -2...2, using: &random) })
        let (whole, first, second) = (
            try backend.makeTensor(rows: rows, columns: outputs),
            try backend.makeTensor(rows: rows, columns: outputs),
            try backend.makeTensor(rows: rows, columns: outputs)
        )
        let stream = backend.makeStream()
        stream.gatedLinear(input, gate: gate, up: up, into: whole)
        stream.linear(input, weight: gate, into: first)
        stream.linear(input, weight: up, into: second)
        stream.silu(first, adding: nil, into: first)
        let got = try stream.withValues(whole) { $0.map(\.bitPattern) }
        let (gates, ups) = (
            try stream.withValues(first) { Array($0) }, try stream.withValues(second) { Array($0) }
        )
        #expect(zip(gates, ups).map { ($0 * $1).bitPattern } == got)
        #expect(Set(got).count == rows * outputs)
    }

    @Test("Rows of float weights that are no whole blocks are padded with zeros", arguments: [1, 3, 33, 70])
    func oddColumns(columns: Int) throws {
        let backend = try vulkan()
        let (rows, outputs) = (9, 35)
        let weights = (0..<outputs * columns).map { Float($0 % 13 - 6) / 8 }
        let inputs = (0..<rows * columns).map { Float($0 % 7 - 3) / 4 }
        let weight = try weights.withUnsafeBytes {
            try backend.makeWeight(type: .f32, rows: outputs, columns: columns, bytes: $0)
        }
        let stream = backend.makeStream()
        // What lies behind a row must not count, whatever it is.
        for fill in [Float.nan, 1] {
            let noise = try backend.makeTensor(
                rows: 64, columns: 64, values: [Float](repeating: fill, count: 4096))
            stream.add(noise, to: noise)
            let output = try backend.makeTensor(rows: rows, columns: outputs)
            stream.linear(
                try backend.makeTensor(rows: rows, columns: columns, values: inputs), weight: weight,
                into: output)
            let got = try stream.withValues(output) { Array($0) }
            for row in 0..<rows {
                for feature in 0..<outputs {
                    // Small multiples of powers of two: the sum is exact.
                    let sum = (0..<columns).reduce(Float(0)) {
                        $0 + inputs[row * columns + $1] * weights[feature * columns + $1]
                    }
                    #expect(got[row * outputs + feature] == sum)
                }
            }
        }
    }

    @Test("Two streams on two threads do not disturb each other")
    func twoStreams() async throws {
        let backend = try vulkan()
        let expected = try backend.product(.q4_1, rows: 5, columns: 64, outputs: 40)
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<8 {
                group.addTask { try backend.product(.q4_1, rows: 5, columns: 64, outputs: 40) }
            }
            for try await got in group { #expect(got.map(\.bitPattern) == expected.map(\.bitPattern)) }
        }
    }

    @Test("Halves in the cache are rounded to the nearest, ties to even, subnormals included")
    func halves() throws {
        let backend = try vulkan()
        // One key/value head of 16: with one key of weight 1 the output is the value as the cache holds it.
        var values: [Float] = [0, -0.0, 1, 1.000488, 1.0014649, -1.0004883, 65504, 65519.996]
        values += [
            6.1035156e-5, 6.1005354e-5, 5.9604645e-8, 2.9802322e-8, 2.9802326e-8, -8.940697e-8, 0.1, -0.33,
        ]
        let cache = try backend.makeCache(
            CacheShape(layers: 1, keyValueHeads: 1, headDimension: 16, sequences: 1, capacity: 4))
        let table = RotaryTable(
            values: try backend.makeTensor(
                rows: 4, columns: 16, values: (0..<64).map { $0 % 16 < 8 ? 1 : 0 }),
            pairing: .halves, rotatedDimension: 16)
        let plan = try RowPlan(rows: Row.chain([1], from: 0), lengths: [0], capacity: 4)
        let stream = backend.makeStream()
        let row = try backend.makeTensor(rows: 1, columns: 16, values: values)
        let queries = try backend.makeTensor(
            rows: 1, columns: 16, values: [Float](repeating: 0, count: 16))
        let output = try backend.makeTensor(rows: 1, columns: 16)
        stream.rotaryAppend(
            queries: queries, keys: queries, values: row, table: table, cache: cache, layer: 0, plan: plan)
        stream.attention(queries: queries, cache: cache, layer: 0, plan: plan, into: output)
        let got = try stream.withValues(output) { Array($0) }
        for (index, value) in values.enumerated() {
            #expect(got[index] == Float(halfBits: value.halfBits), "\(value)")
        }
    }
}
