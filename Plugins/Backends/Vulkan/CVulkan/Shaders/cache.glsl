// The cache: keys, then values, of each key/value head of each sequence of each layer, in words of two halves.
// [layers, sequences, keyValueHeads, 2, capacity, headDimension / 2]

// What a pass tells of its rows, one after the other. [rows, 4]
struct RowEntry {
    int sequence;
    int position;
    // Keys before this position lie in the slot of their position.
    int committed;
    // Where the slots of the keys after those are listed; less than 0 where they too lie in order.
    int branch;
};
