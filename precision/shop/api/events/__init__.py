"""The event dialect that the common customer-data SDKs speak, at /v1/…"""
