"""What is added to an event: page, referrer, campaign, place, device, bot, flat properties.

Pure functions with bounded caches; the data files that ship are opened by explicit constructors. Knows no socket,
no store, no clock, no project. Each part stands for itself, so that a service loads only what it asks for:

    agents        user agent and bot test of a text, cached together
    user_agent    browser, system, device of a user agent
    bots          declared programs; soft signals
    geo           place of an address; hosting networks
    page          path, origin, query and campaign of an address
    referrer      who sent a visitor, by name and kind
    properties    one flat map of text
    filters       which events a project does not want
    text          text that every store accepts
"""
