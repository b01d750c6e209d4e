"""Every call out says for which resource it is made, however it comes about."""

from __future__ import annotations

from hookflash.calls import effects


def test_each_way_of_dialling_names_its_resource(office):
    office.create(office.OUTSIDE)
    _, connection = office.answered()
    office.add(connection, office.OUTSIDE)
    _, other = office.answered()
    office.transfer(other, "+14255550778")
    office.ring()
    office.redirect("+14255550779")
    dialled = [effect.resource for effect in office.all(effects.DialLeg)]
    assert dialled == [office.RED] * 4


def test_a_redirect_is_for_whoever_redirects(office):
    office.create(office.BOB)
    office.redirect(office.OUTSIDE, resource=office.BLUE)
    assert office.lately(effects.DialLeg)[0].resource == office.BLUE
