"""What there is to do: months that the publisher has and the lake lacks, or holds another version or a part of."""
