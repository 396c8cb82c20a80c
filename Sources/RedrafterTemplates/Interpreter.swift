import RedrafterPlatform

/// Runs a template once. A tree walker; every operation is paid for from the limits.
final class Interpreter {
    let names: [String]
    let globals: [GlobalFunction?]
    let limits: TemplateLimits
    /// What `strftime_now` shows.
    let now: TemplateClock
    /// The name `loop`, where the template uses it.
    let loopName: Int?
    let stepLimit: Int
    let memoryLimit: Int
    let outputLimit: Int
    private(set) var steps = 0
    private(set) var memory = 0
    private(set) var outputBytes = 0
    var depth = 0
    /// Where it is, for errors.
    var line = 1
    var scope = Scope(parent: nil)
    var output = TemplateString()
    /// What can hold itself, to be emptied in the end.
    var namespaces: [TemplateNamespace] = []
    var capturedScopes: [Scope] = []

    init(
        names: [String], globals: [GlobalFunction?], limits: TemplateLimits, inputBytes: Int,
        now: TemplateClock
    ) {
        self.names = names
        self.globals = globals
        self.limits = limits
        self.now = now
        loopName = names.firstIndex(of: "loop")
        let (extra, overflow) = inputBytes.multipliedReportingOverflow(by: limits.inputFactor)
        let allowance = overflow ? Int.max / 4 : min(extra, Int.max / 4)
        stepLimit = limits.steps + allowance
        memoryLimit = limits.memoryBytes + allowance
        outputLimit = limits.outputBytes + allowance
    }

    func id(_ name: String) -> Int? { names.firstIndex(of: name) }

    /// Breaks all circles, so that nothing outlives the run.
    func release() {
        for namespace in namespaces { namespace.members = [:] }
        for scope in capturedScopes { scope.clear() }
        scope.clear()
        namespaces = []
        capturedScopes = []
    }

    // MARK: Limits

    /// Pays for work.
    func step(_ count: Int = 1) throws(Fault) {
        steps += count
        guard steps <= stepLimit else {
            throw .limit("the template does not come to an end", allowed: "\(stepLimit) steps")
        }
    }

    /// Pays for memory, and for the work to fill it.
    func allocate(_ bytes: Int) throws(Fault) {
        let (sum, overflow) = memory.addingReportingOverflow(bytes)
        guard !overflow, sum <= memoryLimit else {
            throw .limit(
                "the template needs \(overflow ? Int.max : sum) bytes of memory", allowed: "\(memoryLimit)")
        }
        memory = sum
        try step(1 + bytes >> 6)
    }

    /// Pays for a walk through a value.
    func walk(_ value: TemplateValue) throws(Fault) { try step(value.extent.weight) }

    func enter() throws(Fault) {
        depth += 1
        guard depth <= limits.depth else {
            throw .limit("\(depth) expressions and macros inside each other", allowed: "\(limits.depth)")
        }
        try step()
    }

    // MARK: Values

    private func check(_ extent: TemplateValue.Extent) throws(Fault) {
        guard extent.depth <= limits.valueDepth else {
            throw .limit("lists nested \(extent.depth) levels deep", allowed: "\(limits.valueDepth)")
        }
        guard extent.weight <= memoryLimit >> 4 else {
            throw .limit("a list that holds the same values over and over", allowed: "\(memoryLimit) bytes")
        }
    }

    private func makeList(_ items: [TemplateValue]) throws(Fault) -> TemplateList {
        try allocate(items.count * 24 + 64)
        var extent = TemplateValue.Extent()
        for item in items { extent.include(item) }
        try check(extent)
        return TemplateList(items, extent: extent)
    }

    func list(_ items: [TemplateValue]) throws(Fault) -> TemplateValue { .list(try makeList(items)) }
    func tuple(_ items: [TemplateValue]) throws(Fault) -> TemplateValue { .tuple(try makeList(items)) }

    func iterator(_ items: [TemplateValue]) throws(Fault) -> TemplateValue {
        .iterator(TemplateIterator(items, extent: try makeList(items).extent))
    }

    func view(_ kind: TemplateView.Kind, _ items: [TemplateValue]) throws(Fault) -> TemplateValue {
        .view(TemplateView(kind, items, extent: try makeList(items).extent))
    }

    func dictionary(_ builder: DictionaryBuilder) throws(Fault) -> TemplateValue {
        let dictionary = builder.finish()
        try allocate(dictionary.count * 120 + 128)
        try check(dictionary.extent)
        return .dictionary(dictionary)
    }

    func string(_ text: TemplateString) throws(Fault) -> TemplateValue {
        try allocate(text.cost)
        return .string(text)
    }

    /// The pairs of a dictionary as tuples.
    func pairs(_ dictionary: TemplateDictionary) throws(Fault) -> [TemplateValue] {
        var items = [TemplateValue]()
        items.reserveCapacity(dictionary.count)
        for index in dictionary.keys.indices {
            items.append(try tuple([dictionary.keys[index], dictionary.values[index]]))
        }
        return items
    }

    /// Python's `str` of a value.
    func text(_ value: TemplateValue) throws(Fault) -> TemplateString {
        if case .string(let text) = value { return text }
        if case .undefined = value { return TemplateString() }
        try walk(value)
        var text = TemplateString()
        value.appendText(to: &text)
        try allocate(text.cost)
        return text
    }

    /// What a value gives when it is walked through. - Throws: for values that cannot be.
    func items(_ value: TemplateValue) throws(Fault) -> [TemplateValue] {
        switch value {
        case .undefined: return []
        case .list(let list), .tuple(let list): return list.items
        case .dictionary(let dictionary): return dictionary.keys
        case .view(let view): return view.items
        case .iterator(let iterator): return iterator.takeAll()
        case .loop(let loop): return loop.items
        case .range(let range):
            try allocate(range.count * 24)
            return (0..<range.count).map { .integer(range[$0]) }
        case .string(let text):
            try allocate(text.count * 96)
            return text.characters.map { .string($0) }
        default: throw .failed("'\(value.typeName)' cannot be walked through")
        }
    }

    // MARK: Output

    func write(_ text: TemplateString) throws(Fault) {
        outputBytes += text.count
        guard outputBytes <= outputLimit else {
            throw .limit("the text grows to \(outputBytes) bytes", allowed: "\(outputLimit)")
        }
        try step(text.count >> 6)
        output.append(text)
    }

    /// What a part of the template writes.
    func captured(_ body: () throws(Fault) -> Void) throws(Fault) -> TemplateString {
        let before = output
        output = TemplateString()
        defer { output = before }
        try body()
        try allocate(output.cost)
        return output
    }
}
