/// Runs the program of a regular expression over one text.
///
/// Alternatives that are still open wait on a stack. What is known of a place in the text does not depend on how it was
/// reached (there are no back-references), so where a search begins to take long, failures are noted by instruction and
/// place and never tried again: time stays linear.
struct PatternMatcher {
    private let program: PatternProgram
    private let text: UnsafeBufferPointer<UInt8>
    private var stack: ContiguousArray<Choice> = []
    private var slots: ContiguousArray<Int>
    private var runs: ContiguousArray<KnownRun>
    private var failures = ContiguousArray<UInt8>()  // bits [choices, text + 1] once steps are many
    /// Where looks and atomic groups end that succeed from a choice.
    private var ends: [Int: Int] = [:]
    private var steps = 0
    private let patience: Int
    /// The character that was read last.
    private var lastRead = (at: -1, value: UInt32(0), category: UInt32(0), length: 0)

    /// What waits: the second way of a split, less of a run, or a slot's old value.
    private struct Choice {
        var instruction: Int32
        /// Where the choice was met.
        var start: Int
        /// Runs: how much is tried now. Slots: the old value.
        var at: Int
        /// Runs: where the shortest ends. Splits: 1 when the second way is being tried.
        var limit = 0
    }

    /// What is known of the last run of an instruction: where it ends, and the neighbouring places where nothing follows it, however
    /// it came there.
    private struct KnownRun {
        var start = 0
        var end = -1
        /// Whether its length ended it, not the text.
        var isCut = false
        var failsFrom = 0
        var failsTo = -1

        /// Whether nothing follows at a place.
        func fails(at place: Int) -> Bool { failsFrom <= place && place <= failsTo }
    }

    private enum Outcome {
        case fails
        case ends(Int)
    }

    init(_ program: PatternProgram, _ text: UnsafeBufferPointer<UInt8>) {
        self.program = program
        self.text = text
        slots = ContiguousArray(repeating: -1, count: Int(program.slots))
        runs = ContiguousArray(repeating: KnownRun(), count: program.instructions.count)
        patience = 32 * (text.count + 256)
    }

    /// The leftmost match that begins at `start` or behind.
    mutating func next(from start: Int) -> Range<Int>? {
        var at = start
        while at < text.count {
            let byte = text[at]
            for index in program.branches.indices where program.branches[index].first.contains(byte) {
                if let end = run(program.branches[index].start, at: at, isPart: false) { return at..<end }
            }
            at += byte < 0x80 ? 1 : length(at: at)
        }
        for branch in program.branches where branch.first.isAnywhere {
            if let end = run(branch.start, at: at, isPart: false) { return at..<end }
        }
        return nil
    }

    /// The length of the character at a place before the end.
    mutating func length(at place: Int) -> Int { text[place] < 0x80 ? 1 : read(place) }

    /// Reads a character outside ASCII.
    private mutating func read(_ at: Int) -> Int {
        if lastRead.at == at { return lastRead.length }
        let (scalar, length) = UTF8Scanner.scalar(in: text, at: at)
        lastRead =
            if let scalar {
                (at, scalar.value, GeneralCategory.bit(of: scalar), length)
            } else {
                (at, .max, 0, 1)
            }
        return length
    }

    /// The length of the character at a place where it belongs to the set, else 0.
    @inline(__always)
    private mutating func step(_ set: Int32, _ at: Int) -> Int {
        guard at < text.count else { return 0 }
        let byte = text[at]
        if byte < 0x80 { return program.sets[Int(set)].containsASCII(byte) ? 1 : 0 }
        let length = read(at)
        if lastRead.value == .max { return program.sets[Int(set)].holdsInvalid ? 1 : 0 }
        return program.sets[Int(set)].contains(lastRead.value, category: lastRead.category) ? length : 0
    }

    /// Where the character before a place begins; nil at the start.
    private func before(_ at: Int) -> Int? {
        guard at > 0 else { return nil }
        if text[at - 1] < 0x80 { return at - 1 }
        return at - (UTF8Scanner.last(in: text, before: at)?.length ?? 1)
    }

    /// Runs from an instruction to its end.
    /// - Parameter isPart: of an expression: its first success is all that counts.
    private mutating func run(_ start: Int, at place: Int, isPart: Bool) -> Int? {
        let base = stack.count
        var pc = start
        var at = place
        while true {
            steps += 1
            let instruction = program.instructions[pc]
            var isGood = true
            switch instruction.operation {
            case .set:
                let length = step(instruction.first, at)
                at += length
                pc += 1
                isGood = length > 0
            case .run:
                switch outcome(instruction.number, at) {
                case .ends(let end): return finish(base, isPart, end)
                case .fails: isGood = false
                case nil:
                    if let end = take(instruction, pc, at) {
                        at = end
                        pc += 1
                    } else {
                        isGood = false
                    }
                }
            case .split:
                switch outcome(instruction.number, at) {
                case .ends(let end): return finish(base, isPart, end)
                case .fails: isGood = false
                case nil:
                    stack.append(Choice(instruction: Int32(truncatingIfNeeded: pc), start: at, at: at))
                    pc = Int(instruction.first)
                }
            case .jump: pc = Int(instruction.first)
            case .assertion:
                isGood = holds(
                    PatternNode.Assertion(rawValue: UInt8(truncatingIfNeeded: instruction.first)), at)
                pc += 1
            case .peek:
                let place = instruction.second == 0 ? at : before(at) ?? text.count
                isGood = (step(instruction.first, place) > 0) != instruction.flag
                pc += 1
            case .look:
                isGood = look(pc, instruction, at) != instruction.flag
                pc = Int(instruction.first)
            case .atomic:
                if let end = run(pc + 1, at: at, isPart: true) {
                    at = end
                    pc = Int(instruction.first)
                } else {
                    isGood = false
                }
            case .enter:
                let slot = Int(instruction.first)
                stack.append(
                    Choice(instruction: Int32(truncatingIfNeeded: pc), start: at, at: slots[slot]))
                slots[slot] = at
                pc += 1
            case .progress:
                pc = slots[Int(instruction.first)] == at ? Int(instruction.second) : pc + 1
            case .end: return finish(base, isPart, at)
            }
            guard isGood || retry(base, &pc, &at) else { return nil }
        }
    }

    private mutating func finish(_ base: Int, _ isPart: Bool, _ at: Int) -> Int {
        if isPart, !failures.isEmpty {
            for choice in stack[base...] {
                let number = program.instructions[Int(choice.instruction)].number
                if number >= 0 { ends[place(number, choice.start)] = at }
            }
        }
        stack.removeLast(stack.count - base)
        return at
    }

    /// Takes up what waits last; false when nothing does.
    private mutating func retry(_ base: Int, _ pc: inout Int, _ at: inout Int) -> Bool {
        while stack.count > base {
            steps += 1
            let top = stack.count - 1
            let choice = stack[top]
            let instruction = program.instructions[Int(choice.instruction)]
            switch instruction.operation {
            case .split:
                guard choice.limit == 0 else {
                    noteFailure(choice)
                    stack.removeLast()
                    continue
                }
                stack[top].limit = 1
                pc = Int(instruction.second)
                at = choice.at
                return true
            case .run:
                let index = Int(choice.instruction)
                noteFailure(ofRun: index, at: choice.at)
                guard let previous = lastOpen(index, choice.at, least: choice.limit) else {
                    noteFailure(choice)
                    stack.removeLast()
                    continue
                }
                stack[top].at = previous
                pc = index + 1
                at = previous
                return true
            default:  // a slot
                slots[Int(instruction.first)] = choice.at
                stack.removeLast()
            }
        }
        return false
    }

    /// Takes as many characters of a set as there may be; less waits on the stack.
    private mutating func take(_ instruction: PatternProgram.Instruction, _ pc: Int, _ start: Int) -> Int? {
        let set = instruction.first
        var least = start
        for _ in 0..<instruction.second {
            let length = step(set, least)
            guard length > 0 else { return nil }
            least += length
        }
        let end =
            instruction.third < 0 ? extend(pc, set, start, least) : extend(pc, instruction, start, least)
        guard !instruction.flag, end > least else { return end }
        guard let from = lastOpen(pc, end, least: least) else { return nil }
        if from > least {
            stack.append(
                Choice(instruction: Int32(truncatingIfNeeded: pc), start: start, at: from, limit: least))
        }
        return from
    }

    /// Where a run without a longest length ends.
    private mutating func extend(_ pc: Int, _ set: Int32, _ start: Int, _ least: Int) -> Int {
        let run = runs[pc]
        var end = least
        if run.start <= least, least <= run.end {
            end = run.end
        } else {
            while case let length = step(set, end), length > 0 {
                end += length
                if end == run.start { end = run.end }
            }
        }
        runs[pc].start = end == run.end ? min(start, run.start) : start
        runs[pc].end = end
        return end
    }

    /// Where a run with a longest length ends. One that begins within the last goes on where that ended.
    private mutating func extend(
        _ pc: Int, _ instruction: PatternProgram.Instruction, _ start: Int, _ least: Int
    ) -> Int {
        let run = runs[pc]
        var (end, left) = (least, instruction.third - instruction.second)
        if run.start <= start, start <= run.end {
            runs[pc].start = start
            guard run.isCut else { return run.end }
            (end, left) = (run.end, 0)
            var place = run.start
            while place < start {
                place += length(at: place)
                left += 1
            }
        }
        while left > 0, case let length = step(instruction.first, end), length > 0 {
            end += length
            left -= 1
        }
        runs[pc].start = start
        runs[pc].end = end
        runs[pc].isCut = left == 0
        return end
    }

    /// The last place from a run's shortest end to `place` where something might follow the run.
    private func lastOpen(_ index: Int, _ place: Int, least: Int) -> Int? {
        guard runs[index].fails(at: place) else { return place }
        return runs[index].failsFrom > least ? before(runs[index].failsFrom) : nil
    }

    /// Notes that nothing follows a run at a place.
    private mutating func noteFailure(ofRun index: Int, at place: Int) {
        let run = runs[index]
        if run.fails(at: place) { return }
        if run.failsFrom <= run.failsTo, before(run.failsFrom) == place {
            runs[index].failsFrom = place
        } else if run.failsFrom <= run.failsTo, before(place) == run.failsTo {
            runs[index].failsTo = place
        } else {
            (runs[index].failsFrom, runs[index].failsTo) = (place, place)
        }
    }

    private mutating func look(_ pc: Int, _ instruction: PatternProgram.Instruction, _ at: Int) -> Bool {
        var place = at
        for _ in 0..<max(0, instruction.second) {
            guard let earlier = before(place) else { return false }
            place = earlier
        }
        return run(pc + 1, at: place, isPart: true) != nil
    }

    private mutating func holds(_ assertion: PatternNode.Assertion?, _ at: Int) -> Bool {
        switch assertion {
        case .lineStart: at == 0 || (text[at - 1] == 0x0A && at < text.count)
        case .lineEnd: at == text.count || text[at] == 0x0A
        case .textStart: at == 0
        case .textEnd: at == text.count
        case .textEndOrLastLine: at == text.count || (at + 1 == text.count && text[at] == 0x0A)
        case .wordBorder: isWordBorder(at)
        case .noWordBorder: !isWordBorder(at)
        case nil: false
        }
    }

    private mutating func isWordBorder(_ at: Int) -> Bool {
        let isWordBefore = before(at).map { isWord($0) } ?? false
        return isWordBefore != (at < text.count && isWord(at))
    }

    private static let word = ScalarSet(CharacterProperty.word)

    private mutating func isWord(_ at: Int) -> Bool {
        if text[at] < 0x80 { return Self.word.containsASCII(text[at]) }
        _ = read(at)
        return lastRead.value != .max && Self.word.contains(lastRead.value, category: lastRead.category)
    }

    /// What is known of a choice at a place.
    private mutating func outcome(_ number: Int32, _ at: Int) -> Outcome? {
        guard !failures.isEmpty else {
            if steps > patience { failures = ContiguousArray(repeating: 0, count: noteBytes) }
            return nil
        }
        let index = place(number, at)
        if failures[index >> 3] >> UInt8(index & 7) & 1 != 0 { return .fails }
        return ends.isEmpty ? nil : ends[index].map { .ends($0) }
    }

    private func place(_ number: Int32, _ at: Int) -> Int { Int(number) * (text.count + 1) + at }

    private var noteBytes: Int { Int(program.choices) * (text.count + 1) / 8 + 1 }

    private mutating func noteFailure(_ choice: Choice) {
        guard !failures.isEmpty else { return }
        let index = place(program.instructions[Int(choice.instruction)].number, choice.start)
        failures[index >> 3] |= 1 << UInt8(index & 7)
    }
}
