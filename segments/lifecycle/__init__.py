"""The life cycle of customers: stages, their dated changes and flows, and the models that go with them."""
