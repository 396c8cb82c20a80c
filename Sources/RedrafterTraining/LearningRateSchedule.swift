import RedrafterPlatform

/// The learning rate of each step: up in a straight line, then down along a cosine to a share of the peak.
public struct LearningRateSchedule: Sendable, Hashable {
    public var peak: Float
    public var warmupSteps: Int
    public var totalSteps: Int
    /// The share of the peak that is left at the end, and after it.
    public var floor: Float

    public init(peak: Float, warmupSteps: Int, totalSteps: Int, floor: Float = 0.05) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
        self.floor = floor
    }

    /// The rate of a step, from 0: `peak / warmupSteps` at first, `peak` at the end of the warm-up.
    public func rate(step: Int) -> Float {
        if step < warmupSteps { return peak * Float(step + 1) / Float(warmupSteps) }
        let span = max(1, totalSteps - 1 - warmupSteps)
        let progress = min(1, Double(step - warmupSteps) / Double(span))
        let share = Double(floor) + (1 - Double(floor)) * 0.5 * (1 + cos(.pi * progress))
        return Float(Double(peak) * share)
    }
}
