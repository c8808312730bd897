package sandbox

// ChannelID is the id of the one channel of every sandbox, which no channel of
// YouTube has: by it samples are kept off real ones.
const ChannelID = channelID
