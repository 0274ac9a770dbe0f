package lines

const vectors = true // of every arm64
