"""What an order is when its words come in any order: pure merging, credit notes, and the rows of both."""
