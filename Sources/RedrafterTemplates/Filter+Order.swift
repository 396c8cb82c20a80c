extension Interpreter {
    /// Filters that compare items.
    func applyInOrder(
        _ filter: Filter, _ value: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        switch filter {
        case .sort:
            let bound = try arguments.bind(["reverse", "case_sensitive", "attribute"], "sort")
            let items = try items(value)
            let keys = try keys(items, attribute: bound[2], isCaseSensitive: bound[1])
            let order = try sortedOrder(keys, isReversed: bound[0]?.isTrue == true)
            return try list(order.map { items[$0] })
        case .dictsort: return try sortedPairs(value, arguments)
        case .unique:
            let bound = try arguments.bind(["case_sensitive", "attribute"], "unique")
            let path = try path(bound[1])
            var seen = Set<DictionaryKey>()
            var results = [TemplateValue]()
            for item in try items(value) {
                let key = folded(try follow(path, from: item), bound[0])
                try walk(key)
                if seen.insert(try DictionaryKey(key)).inserted { results.append(item) }
            }
            return try iterator(results)
        case .sum:
            let bound = try arguments.bind(["attribute", "start"], "sum")
            let path = try path(bound[0])
            var sum = bound[1] ?? .integer(0)
            for item in try items(value) { sum = try calculate(sum, .add, try follow(path, from: item)) }
            return sum
        default:
            let bound = try arguments.bind(["case_sensitive", "attribute"], filter.rawValue)
            return try extreme(try items(value), bound, isLargest: filter == .max)
        }
    }

    private func extreme(
        _ items: [TemplateValue], _ bound: [TemplateValue?], isLargest: Bool
    ) throws(Fault) -> TemplateValue {
        guard var best = items.first else { return .undefined(.hint("the sequence is empty")) }
        let path = try path(bound[1])
        var bestKey = folded(try follow(path, from: best), bound[0])
        for item in items.dropFirst() {
            let key = folded(try follow(path, from: item), bound[0])
            if try compare(isLargest ? bestKey : key, .less, isLargest ? key : bestKey) {
                (best, bestKey) = (item, key)
            }
        }
        return best
    }

    private func sortedPairs(_ value: TemplateValue, _ arguments: CallArguments) throws(Fault)
        -> TemplateValue
    {
        let bound = try arguments.bind(["case_sensitive", "by", "reverse"], "dictsort")
        guard case .dictionary(let dictionary) = value else {
            throw .failed("'dictsort' needs a dictionary, not '\(value.typeName)'")
        }
        let by = try bound[1].map { (value) throws(Fault) in try text(value).text } ?? "key"
        guard by == "key" || by == "value" else { throw .failed("'dictsort' sorts by 'key' or 'value'") }
        let keys = (by == "key" ? dictionary.keys : dictionary.values).map { folded($0, bound[0]) }
        let pairs = try pairs(dictionary)
        let order = try sortedOrder(keys, isReversed: bound[2]?.isTrue == true)
        return try list(order.map { pairs[$0] })
    }

    private func keys(
        _ items: [TemplateValue], attribute: TemplateValue?, isCaseSensitive: TemplateValue?
    ) throws(Fault) -> [TemplateValue] {
        var paths = [[TemplateValue]]()
        if case .string(let text)? = attribute {
            for part in text.text.split(separator: ",", omittingEmptySubsequences: false) {
                paths.append(try path(.string(String(part))))
            }
        } else {
            paths.append(try path(attribute))
        }
        // Lists, as in Jinja: they are compared at the first place where they differ.
        var keys = [TemplateValue]()
        for item in items {
            var key = [TemplateValue]()
            for path in paths { key.append(folded(try follow(path, from: item), isCaseSensitive)) }
            keys.append(try list(key))
        }
        return keys
    }

    /// Places of keys in ascending or descending order; equal keys stay as they were. Merge sort: a comparison may throw.
    func sortedOrder(_ keys: [TemplateValue], isReversed: Bool) throws(Fault) -> [Int] {
        var order = Array(keys.indices)
        var other = order
        var width = 1
        while width < order.count {
            for start in stride(from: 0, to: order.count, by: width * 2) {
                let middle = min(start + width, order.count)
                let end = min(start + width * 2, order.count)
                var (left, right) = (start, middle)
                for place in start..<end {
                    var takesRight = left >= middle
                    if !takesRight, right < end {
                        takesRight =
                            try isReversed
                            ? compare(keys[order[left]], .less, keys[order[right]])
                            : compare(keys[order[right]], .less, keys[order[left]])
                    }
                    other[place] = order[takesRight ? right : left]
                    if takesRight { right += 1 } else { left += 1 }
                }
            }
            swap(&order, &other)
            width *= 2
        }
        return order
    }
}
