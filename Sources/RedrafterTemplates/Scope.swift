/// Names and their values in a part of a template; what is not here is looked for in the part around it.
final class Scope {
    let parent: Scope?
    /// Few names are compared one by one.
    private var ids: [Int] = []
    private var values: [TemplateValue] = []
    private var places: [Int: Int] = [:]
    private static let fewNames = 12

    init(parent: Scope?) { self.parent = parent }

    private func place(_ id: Int) -> Int? { places.isEmpty ? ids.firstIndex(of: id) : places[id] }

    func value(_ id: Int) -> TemplateValue? {
        var scope: Scope? = self
        while let current = scope {
            if let place = current.place(id) { return current.values[place] }
            scope = current.parent
        }
        return nil
    }

    func set(_ id: Int, _ value: TemplateValue) {
        if let place = place(id) {
            values[place] = value
            return
        }
        ids.append(id)
        values.append(value)
        if !places.isEmpty {
            places[id] = ids.count - 1
        } else if ids.count > Self.fewNames {
            for (place, id) in ids.enumerated() { places[id] = place }
        }
    }

    /// Lets go of all values: scopes and the macros in them hold each other.
    func clear() { (ids, values, places) = ([], [], [:]) }
}
